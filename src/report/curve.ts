import type { Curve, CurvePoint } from '../curve/curve-result.js';
import { sizeIn } from '../curve/verdict.js';
import { layOut } from './compare.js';
import * as format from './format.js';
import { plainStyle, type Style } from './style.js';

/** A curve for a terminal: the working set, what each policy reads by memory, and what is at fault. */
export function renderCurve(curve: Curve, style: Style = plainStyle): string {
  const { unit, tokens, countedTokens, touchedPerToken, workingSets, seenShare, points, verdict } = curve;
  const size = (value: number) => sizeIn(unit, value);
  const lines = [
    ` ${style.bold(curve.of)}`,
    ` a token touches ${size(touchedPerToken)}; of ${format.counted(tokens, 'token')} the later ${countedTokens} are counted`,
    ` ${workingSets.map((set) => `${format.counted(set.tokens, 'token')}: ${size(set.size)}`).join(', ')} touched together`,
    ...(seenShare < 0.95
      ? [
          ` ${style.warn('Guessed')}: the run shows only ${format.percent(seenShare)} of the uses of experts; make one with --touches, which shows all`,
        ]
      : []),
    ` ${style.bold(verdict)}`,
  ];
  const tables = [blockTable(points, size), expertTable(points, size), reuseTable(curve, size)];
  const shown = tables.filter((rows) => rows.length > 1).map((rows) => layOut(rows, style));
  return `${lines.join('\n')}\n\n${shown.join('\n')}`;
}

type Size = (value: number) => string;

function blockTable(points: readonly CurvePoint[], size: Size): string[][] {
  const rows = points.flatMap(({ memory, blocks }) => {
    if (!blocks) return [];
    const speed = (value: number | null) => (value === null ? '-' : format.decimal(value));
    const reads = [blocks.kernel, blocks.lru, blocks.pins, blocks.optimum].map(size);
    return [
      [size(memory), ...reads, speed(blocks.kernelTokensPerSecond), speed(blocks.optimumTokensPerSecond)],
    ];
  });
  const head = [
    'memory for the model',
    'read per token: kernel',
    'LRU',
    'pins',
    'optimum',
    'tokens/s: kernel',
    'optimum',
  ];
  return [head, ...rows];
}

function expertTable(points: readonly CurvePoint[], size: Size): string[][] {
  const rows = points.flatMap(({ memory, experts }) => {
    if (!experts) return [];
    const { lru, leastOften, leastStale, pins, optimum } = experts;
    return [[size(memory), size(experts.memory), ...[lru, leastOften, leastStale, pins, optimum].map(size)]];
  });
  const head = [
    'memory for the model',
    'for experts',
    'read per token: LRU',
    'LFU',
    'least stale',
    'pins',
    'optimum',
  ];
  return [head, ...rows];
}

function reuseTable({ reuse }: Curve, size: Size): string[][] {
  return [
    ['touched again within', 'share of touches'],
    ...reuse.map(({ distance, share }) => [size(distance), format.percent(share)]),
  ];
}

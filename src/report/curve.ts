import type { Curve, CurvePoint } from '../curve/curve-result.js';
import { sizeIn } from '../curve/verdict.js';
import * as format from './format.js';
import { Page } from './page.js';
import { printable } from './printable.js';
import { plainScreen, type Screen } from './screen.js';
import { layOut } from './table.js';

/** A curve for a terminal: the working set, what each policy reads by memory, and what is at fault. */
export function renderCurve(curve: Curve, screen: Screen = plainScreen): string {
  const { unit, tokens, countedTokens, touchedPerToken, workingSets, seenShare, points, verdict } = curve;
  const { style } = screen;
  const size = (value: number) => sizeIn(unit, value);
  const page = new Page(style, screen.columns, false);
  page.line(` ${style.bold(printable(curve.of))}`);
  page.text(
    `a token touches ${size(touchedPerToken)}; of ${format.counted(tokens, 'token')} the later ${countedTokens} are counted`,
  );
  if (seenShare < 0.95) {
    page.text(
      `${style.warn('Guessed')}: the run shows only ${format.percent(seenShare)} of the uses of experts; make one with --profile-touches, which shows all`,
    );
  }
  page.text(style.bold(verdict));
  const table = (name: string, what: string, rows: string[][]) => {
    if (rows.length < 2) return;
    page.section(name, what);
    page.line(layOut(rows, screen).trimEnd());
  };
  table('Memory', 'read per token, and tokens/s, by how much memory the model has', blockTable(points, size));
  table(
    'Caches of whole experts',
    'read per token, by what memory is left for experts',
    expertTable(points, size),
  );
  table('Working set', 'touched together by so many tokens in a row', [
    ['tokens', 'size'],
    ...workingSets.map((set) => [format.count(set.tokens), size(set.size)]),
  ]);
  table('Reuse', 'share of touches that come again within so much else', [
    ['distance', 'share'],
    ...curve.reuse.map(({ distance, share }) => [size(distance), format.percent(share)]),
  ]);
  return `${page}`;
}

type Size = (value: number) => string;

function blockTable(points: readonly CurvePoint[], size: Size): string[][] {
  const rows = points.flatMap(({ memory, blocks }) => {
    if (!blocks) return [];
    const speed = (value: number | null) => (value === null ? '-' : format.decimal(value));
    const { kernel, lru, pins, optimum, kernelTokensPerSecond, optimumTokensPerSecond } = blocks;
    const reads = [kernel, lru, pins, optimum].map(size);
    return [[size(memory), ...reads, `${speed(kernelTokensPerSecond)} to ${speed(optimumTokensPerSecond)}`]];
  });
  return [['memory', 'kernel', 'LRU', 'pins', 'optimum', 'tokens/s'], ...rows];
}

function expertTable(points: readonly CurvePoint[], size: Size): string[][] {
  const rows = points.flatMap(({ memory, experts }) => {
    if (!experts) return [];
    const { lru, leastOften, leastStale, pins, optimum } = experts;
    const reads = [lru, leastOften, leastStale, pins, optimum].map(size);
    return [[size(memory), size(experts.memory), ...reads]];
  });
  return [['memory', 'experts', 'LRU', 'LFU', 'least stale', 'pins', 'optimum'], ...rows];
}

import type { Curve, CurvePoint } from '../curve/curve-result.js';
import { sizeIn } from '../curve/verdict.js';
import { greatest } from '../extremes.js';
import { bar } from './bar.js';
import * as format from './format.js';
import { Page } from './page.js';
import { printable } from './printable.js';
import { plainScreen, type Screen } from './screen.js';
import { layOut } from './table.js';

/**
 * A curve for a terminal: the working set, what each policy reads by memory, and what is at fault.
 *
 * @example
 * console.log(renderCurve(await curve(run)));
 */
export function renderCurve(curve: Curve, screen: Screen = plainScreen): string {
  const { unit, tokens, countedTokens, touchedPerToken, workingSets, seenShare, points, verdict, caveat } =
    curve;
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
  if (caveat) page.text(`${style.warn('Note')}: ${caveat}`);
  const table = (name: string, what: string, rows: string[][]) => {
    if (rows.length < 2) return;
    page.section(name, what);
    page.line(layOut(rows, { ...screen, gap: 2 }).trimEnd());
  };
  table('Memory', 'read per token, and tokens/s, by how much memory the model has', blockTable(points, size));
  const besides = points.some(({ blocks }) => blocks !== null);
  table(
    'Caches of whole experts',
    besides
      ? 'read per token, by memory for the model and what that leaves for experts'
      : `read per token, by ${unit === 'experts' ? 'how many experts the cache holds' : 'the size of the cache'}`,
    expertTable(points, size, besides),
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

const barWidth = 24;

/** The same as a section of a run's report: a bar for what the kernel would read, and the optimum beside it. */
export function renderCurveSection({ points, verdict, ownMemory, unit }: Curve, screen: Screen): string {
  const page = new Page(screen.style, screen.columns, false);
  page.section(
    'What other memories would read',
    'for a token, by memory for the model; blkscope curve has it all',
  );
  page.text(verdict, 2);
  const size = (value: number) => sizeIn(unit, value);
  const shown = points.flatMap(({ memory, blocks }) => (blocks ? [{ memory, ...blocks }] : []));
  const most = greatest([1, ...shown.map(({ kernel }) => kernel)]);
  const rows = shown.map(({ memory, kernel, optimum }) => [
    memory === Math.floor(ownMemory ?? -1) ? `${size(memory)} (this run)` : size(memory),
    size(kernel),
    size(optimum),
    bar(kernel / most, barWidth).padEnd(barWidth),
  ]);
  page.line(
    layOut([['memory', 'kernel', 'optimum', ''], ...rows], { ...screen, gap: 2, indent: 2 }).trimEnd(),
  );
  return `${page}`;
}

type Size = (value: number) => string;

/** Of two sizes; the unit once where they have the same. */
function span(least: string, most: string): string {
  const unit = most.slice(most.indexOf(' '));
  return `${least.endsWith(unit) ? least.slice(0, -unit.length) : least} to ${most}`;
}

function blockTable(points: readonly CurvePoint[], size: Size): string[][] {
  const rows = points.flatMap(({ memory, blocks }) => {
    if (!blocks) return [];
    const speed = (value: number | null) => (value === null ? '-' : format.decimal(value));
    const { kernel, lru, pins, optimum, kernelTokensPerSecond, optimumTokensPerSecond } = blocks;
    const reads = [
      size(kernel),
      span(size(blocks.kernelLeast), size(blocks.kernelMost)),
      ...[lru, pins, optimum].map(size),
    ];
    return [[size(memory), ...reads, `${speed(kernelTokensPerSecond)} to ${speed(optimumTokensPerSecond)}`]];
  });
  return [['memory', 'kernel', 'by chance', 'LRU', 'pins', 'optimum', 'tokens/s'], ...rows];
}

/** `besides`: memory holds more than experts. */
function expertTable(points: readonly CurvePoint[], size: Size, besides: boolean): string[][] {
  const rows = points.flatMap(({ memory, experts }) => {
    if (!experts) return [];
    const { lru, leastOften, leastStale, pins, optimum } = experts;
    const reads = [lru, leastOften, leastStale, pins, optimum].map(size);
    return [[...(besides ? [size(memory)] : []), size(experts.memory), ...reads]];
  });
  return [
    [...(besides ? ['memory', 'for experts'] : ['cache']), 'LRU', 'LFU', 'least stale', 'pins', 'optimum'],
    ...rows,
  ];
}

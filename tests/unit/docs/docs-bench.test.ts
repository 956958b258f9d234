import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Comparison, Made, Shapes } from '../../../bench/results.js';
import { exponent, lateExponent } from '../../../bench/scale/growth.js';
import { type Spread, spread } from '../../../bench/spread.js';
import { benchTables, withBenches, withoutBenches } from '../../../scripts/docs-bench.js';

const all = (value: number): Spread => spread([value]);
const costs = (seconds: number) => ({
  seconds: all(seconds),
  cpuSeconds: all(seconds),
  peakBytes: all(64 * 2 ** 20),
});

const made = <Shape>(result: Shape): Made<Shape> => ({
  ...{ form: 'full', made: '2026-01-02', commit: 'abc1234', seconds: 60, result },
  machine: {
    ...{ kernel: '6.18', kernelBuild: '', cpu: 'A CPU', cpus: 2, memoryBytes: 24 * 2 ** 30, swapBytes: 0 },
    node: 'v20.0.0',
  },
});

const comparison: Comparison = {
  ...{ trace: 'harsh-2', events: 3_000_000, rounds: 3 },
  programs: {
    blkscope: costs(0.15),
    node: costs(0.05),
    'blkparse text': costs(6),
    'blkparse csv': costs(7),
    'blkparse -d, btt': costs(4),
  },
  ...{ analysisNsPerEvent: all(24), walkNsPerEvent: all(2) },
  stages: [
    { name: 'walk', ns: all(2) },
    { name: 'merge', ns: all(5) },
    { name: 'full', ns: all(18) },
  ],
  regions: [{ name: '100 regions', ns: all(7) }],
};

test('a spread is the value in the middle with the lowest and the highest', () => {
  assert.deepEqual(spread([3, 1, 2]), { median: 2, least: 1, most: 3 });
  assert.deepEqual(spread([10, 9]), { median: 10, least: 9, most: 10 });
  assert.throws(() => spread([]), /no rounds/);
});

test('how something grows is told by the power, of the largest sizes', () => {
  const squares = [1, 10, 100].map((size) => ({ size, value: 3 * size ** 2 }));
  assert.ok(Math.abs(exponent(squares) - 2) < 1e-9);
  const started = [1, 10, 100, 1e6, 1e7, 1e8].map((size) => ({ size, value: Math.max(size, 1000) }));
  assert.ok(Math.abs(lateExponent(started) - 1) < 1e-9);
  assert.ok(exponent(started) < 0.9);
  assert.ok(Number.isNaN(exponent(squares.slice(0, 1))));
  const cost = (seconds: number) => ({
    seconds,
    cpuSeconds: seconds,
    peakBytes: 64 * 2 ** 20,
    analysisNs: 1,
  });
  const rows = [1e5, 1e6, 1e7].map((events) => ({ events, import: cost(events / 1e7), stored: null }));
  const { scaleLength = '', scaleDay } = benchTables({
    scale: made({ length: { seconds: 5, found: rows } }),
  });
  assert.match(scaleLength, /\| 100,000 \| 0\.010 \| 64\.0 \|/);
  assert.match(scaleLength, /\| grows with its power of \| 1\.00 \| 0\.00 \|/);
  assert.match(scaleLength, /took 5 s/);
  assert.equal(scaleDay, 'Not made yet.');
});

test("a peer's times are of blkscope's own time, which leaves the start of Node out", () => {
  const {
    analyse = '',
    stages = '',
    regions = '',
  } = benchTables({
    analyse: made({ comparisons: [comparison], byLength: [] }),
  });
  // 6 s / (0.15 s - 0.05 s)
  assert.match(
    analyse,
    /\| harsh, 2 CPUs \| 3,000,000 \| 0\.15 \| 0\.050 \| 6\.00, x 60\.0 \| 7\.00, x 70\.0 \| 4\.00, x 40\.0 \| 24\.0 \| 64\.0 \|/,
  );
  assert.match(
    analyse,
    /Made on 2026-01-02, at abc1234, in the full form, which took 60 s\. 2 CPUs \(A CPU\), 24\.0 GiB/,
  );
  assert.match(stages, /\| harsh, 2 CPUs \| 2\.00 \| 5\.00 \| 18\.0 \| 9\.00 \|/);
  assert.match(regions, /\| harsh, 2 CPUs \| 2\.00 \|/);
});

test('what no tracer takes is left empty, and each place has its own table', () => {
  const mib = all(2 ** 20);
  const figures = { tokensPerSecond: all(4), readBytes: mib, cachedAfterBytes: mib };
  const result: Shapes['interference'] = {
    ...{ rounds: 1, modelBytes: 2 ** 20, limitBytes: 2 ** 20, tokens: 1 },
    variants: [
      { variant: 'untraced', ...figures, traceBytes: all(0), processBytes: all(0) },
      { variant: 'blkscope', ...figures, traceBytes: all(2 * 2 ** 20), processBytes: all(3 * 2 ** 20) },
    ],
  };
  const { interference, interferenceInGuest = '' } = benchTables({
    interferenceInGuest: made({ ...result, kernel: '7.3' }),
  });
  assert.equal(interference, 'Not made yet.');
  assert.match(interferenceInGuest, /\| untraced \| 4\.00 \| 1\.00 \| 1\.00 \| {2}\| {2}\|/);
  assert.match(interferenceInGuest, /\| blkscope \| 4\.00 \| 1\.00 \| 1\.00 \| 2\.00 \| 3\.00 \|/);
});

test('what is lost to a tracer is of the untraced speed, and rounds that differ show their ends', () => {
  const none = { events: null, dropped: null, cpuNsPerEvent: null, analysisNsPerEvent: null, ramBytes: null };
  const result: Shapes['capture'] = {
    ...{ kernel: '7.3', rounds: 3, seconds: 2 },
    variants: [
      { variant: 'untraced', ...none, iops: all(100_000) },
      { variant: 'blkscope', ...none, iops: spread([80_000, 75_000, 85_000]) },
    ],
  };
  const { capture = '' } = benchTables({ capture: made(result) });
  assert.match(capture, /\| untraced \| 100,000 \| {2}\|/);
  assert.match(capture, /\| blkscope \| 80,000 \(75,000 to 85,000\) \| 20\.0 % \|/);
});

test('a page keeps its prose, and a table that nothing makes is refused', () => {
  const page = (name: string, text: string) =>
    `before\n<!-- bench ${name}: made by npm run docs:bench -->\n${text}<!-- end of bench -->\nafter\n`;
  assert.equal(withBenches(page('start', 'old\n'), { start: 'new' }), page('start', 'new\n'));
  assert.throws(() => withBenches(page('nothing', ''), {}), /nothing makes the table nothing/);
  assert.doesNotMatch(withoutBenches(page('start', '| 5 ms |\n')), /5 ms/);
});

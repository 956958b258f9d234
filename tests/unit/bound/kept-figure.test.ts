import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { BestSeen } from '../../../src/bound/best-seen.js';
import { keptFigure } from '../../../src/bound/kept-figure.js';
import { fastestTokenNs, shownTokenNs } from '../../../src/bound/token-time.js';
import { tokenCompute } from '../../../src/bound/warm-compute.js';

let folder = '';
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  folder = mkdtempSync(join(tmpdir(), 'blkscope-kept-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('a figure is measured once for a key, and again where it is old or damaged', async () => {
  let measured = 0;
  const figure = (key: string, validMs = 60_000) => keptFigure(folder, key, validMs, async () => ++measured);
  assert.deepEqual([await figure('a'), await figure('a'), await figure('b')], [1, 1, 2]);
  assert.deepEqual([await figure('b', 0), await figure('b')], [3, 3]);
  for (const name of readdirSync(folder)) writeFileSync(join(folder, name), 'no JSON');
  assert.equal(await figure('a'), 4);
  const nothing = () => keptFigure(folder, 'none', 60_000, async () => null);
  assert.deepEqual([await nothing(), await nothing()], [null, null]);
});

test('the best ever seen stays, whatever comes later, and each key has its own', () => {
  const least = new BestSeen(folder, 'compute', 'least');
  assert.deepEqual([least.value, least.orKnown(null), least.orKnown(7)], [null, null, 7]);
  for (const ns of [24.4, 1782, Number.NaN, 0, -1]) least.learn(ns);
  assert.deepEqual([least.value, least.orKnown(30), least.orKnown(20)], [24.4, 24.4, 20]);
  assert.equal(new BestSeen(folder, 'compute', 'least').value, 24.4, 'another run reads it');
  assert.equal(new BestSeen(folder, 'other', 'least').value, null);
  const most = new BestSeen(folder, 'compute', 'most');
  for (const rate of [5, 9, 2]) most.learn(rate);
  assert.equal(most.value, 9);
});

test('what is kept never goes through a link that somebody put there', () => {
  const elsewhere = join(folder, 'elsewhere');
  writeFileSync(elsewhere, 'untouched');
  const best = new BestSeen(folder, 'compute', 'least');
  best.learn(2);
  const [name] = readdirSync(folder).filter((file) => file.startsWith('.measured'));
  rmSync(join(folder, name as string));
  symlinkSync(elsewhere, join(folder, name as string));
  best.learn(1);
  assert.equal(readFileSync(elsewhere, 'utf8'), 'untouched');
  assert.equal(best.value, 1);
});

const marks = (spans: number[]) => {
  let time = 0;
  return [0, ...spans].map((span, index) => {
    time += span;
    return { kind: 'token' as const, time: BigInt(time), index };
  });
};
const even = new Array<number>(7).fill(100);

test('the fastest tokens are eight in a row, each a token after the one before', () => {
  assert.equal(fastestTokenNs(marks(even), 110), null, 'seven are too few');
  assert.equal(fastestTokenNs(marks([...even, 100]), 110), 100);
  assert.equal(fastestTokenNs(marks([900, ...even, 100, 900, ...even, 100]), 150), 100);
  assert.equal(fastestTokenNs(marks([...even, 100]), null), null, 'the program says nothing');
});

test('marks that were seen together tell of no token, neither where a write was late nor where all were', () => {
  assert.equal(fastestTokenNs(marks([900, 190, 10, ...even.slice(1), 100]), 150), null);
  const flushed = marks([5000, ...new Array<number>(60).fill(1)]);
  assert.equal(fastestTokenNs(flushed, 130), null);
  assert.equal(shownTokenNs(flushed, 130), 130, 'its own mean is what is left');
  // Held up for nine tokens, which then come at once; then as before.
  const held = marks([...even, 100, 100, 900, ...new Array<number>(9).fill(1), 50, ...even, 100]);
  assert.equal(fastestTokenNs(held, 100), 100);
});

test('a cached run on a busy machine computes no slower: what others took is no computation', () => {
  const seconds = (at: number) => BigInt(Math.round(at * 1e9));
  const tokens = Array.from({ length: 11 }, (_, index) => ({
    kind: 'token' as const,
    time: seconds(1 + index),
    index,
  }));
  const outcome = {
    marks: [{ kind: 'promptDone' as const, time: seconds(1) }, ...tokens],
    timings: {
      ...{ loadNs: null, promptTokens: null, promptTokensPerSecond: null, tokens: 11, tokensPerSecond: 1 },
      saidTokenNs: 1e9,
    },
    generation: null,
  };
  const samples = (delayUs: number, cpuUs: number) =>
    [
      ['workloadRunDelayUs', delayUs],
      ['workloadUserUs', cpuUs],
      ['workloadSystemUs', 0],
    ].flatMap(([metric, grown]) => [
      { metric: metric as string, time: seconds(1), value: 0 },
      { metric: metric as string, time: seconds(11), value: grown as number },
    ]);
  assert.deepEqual(tokenCompute(outcome, samples(0, 18e6), 2), { ns: 1e9, quiet: true });
  assert.deepEqual(tokenCompute(outcome, samples(7e6, 6e6), 2), { ns: 3e8, quiet: false });
  assert.equal(tokenCompute(outcome, samples(9e6, 6e6), 2)?.ns, 3e8, 'not less than its CPU time');
  assert.equal(tokenCompute(outcome, [], 2)?.ns, 1e9, 'a kernel that counts nothing');
});

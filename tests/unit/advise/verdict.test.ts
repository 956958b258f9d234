import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Advice, bestFirst, type Change, type ChangedConditions } from '../../../src/advise/changes.js';
import { speedModel } from '../../../src/advise/speed.js';
import { verdictOf } from '../../../src/advise/verdict.js';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { renderAdvice, renderVerified } from '../../../src/index.js';
import type { Model } from '../../../src/model/gguf.js';

const MiB = 2 ** 20;
const model = (experts: Model['experts']): Model => ({
  ...{ path: 'm.gguf', parts: [], bytes: 300 * MiB, architecture: 'llama', name: null },
  ...{ fileType: 'F16', layers: 1, tensors: [], experts, keys: new Map(), notes: [] },
});
const dense = model(null);
const mixture = model({ count: 32, used: 4 });

const around = (likely: number) => ({ low: likely * 0.8, likely, high: likely * 1.2 });

function change(title: string, conditions: ChangedConditions, tokensPerSecond: number): Change {
  const figures = { bytesPerToken: around(50 * MiB), tokensPerSecond: around(tokensPerSecond) };
  return { title, conditions, ...figures, reason: 'a reason' };
}

/** A run of 2 tokens a second that reads 200 of the 250 MiB that a token uses, compute a tenth of it. */
function adviceOf(changes: Change[], altered: Partial<Advice> = {}): Omit<Advice, 'verdict'> {
  const bound: Advice['bound'] = {
    ...{ computeNsPerToken: 5e7, computeFrom: 'warm', touchedBytesPerToken: 250 * MiB, keptBytes: 200 * MiB },
    ...{ touchedMostBytesPerToken: null, lowTokensPerSecond: null },
    ...{ bandwidth: 1e9, sequentialBandwidth: 1e9, randomBandwidth: 5e8, tokensPerSecond: 19, ratio: 0.1 },
    ...{
      reReadBytesPerToken: 150 * MiB,
      unusedBytesPerToken: 0,
      busyNsPerToken: null,
      remainderNsPerToken: 0,
    },
  };
  const measured = { bytesPerToken: 200 * MiB, tokensPerSecond: 2 };
  const modelled = { bytesPerToken: 201 * MiB };
  const told = {
    run: 'runs/one',
    measured,
    weights: 'mapped',
    modelled,
    bound,
    seenShare: 1,
    caveat: null,
  } as const;
  return { ...told, changes, curve: [], ...altered };
}

const pin = (speed: number) => change('100 MiB pinned', { pinBytes: 100 * MiB }, speed);

test('what might be slower than the run comes after what surely gains', () => {
  const threads: Change = {
    ...change('2 threads', { threads: 2 }, 8),
    tokensPerSecond: { low: 4, likely: 8, high: 9 },
  };
  const titles = (measured: number) => bestFirst([pin(6), threads], measured).map(({ title }) => title);
  assert.deepEqual(titles(4), ['2 threads', '100 MiB pinned']);
  assert.deepEqual(titles(4.5), ['100 MiB pinned', '2 threads']);
});

test('the best change that needs no more memory is named, with its range', () => {
  const changes = [change('memory 1 GiB', { memoryBytes: 2 ** 30 }, 9), pin(6)];
  assert.match(
    verdictOf(adviceOf(changes), dense),
    /^Best without more memory: 100 MiB pinned, 4\.80 to 7\.20/,
  );
});

test('memory enough, compute alone, nothing that helps: each is said plainly', () => {
  const enough = { measured: { bytesPerToken: MiB, tokensPerSecond: 2 } };
  assert.match(verdictOf(adviceOf([pin(6)], enough), dense), /^Memory is enough: 1\.00 MiB/);
  const computes = adviceOf([pin(2.1)]);
  computes.bound.computeNsPerToken = 4.5e8;
  assert.match(verdictOf(computes, dense), /^Computation takes most of the time of a token/);
  assert.match(verdictOf(adviceOf([pin(2.05)]), dense), /^Only more memory helps/);
});

test('where readahead is what helps, it is said whether pinning does nothing or harms', () => {
  const readAhead = change('readahead 128 KiB', { readAheadKib: 128 }, 8);
  const verdict = (speed: number) => verdictOf(adviceOf([readAhead, pin(speed)]), mixture);
  assert.match(verdict(2), /Pinning at this readahead does not help: a fixed choice of experts/);
  assert.match(verdict(1.2), /Pinning at this readahead makes it slower/);
  assert.doesNotMatch(verdict(4), /Pinning/);
  assert.match(verdictOf(adviceOf([readAhead]), mixture), /no room to pin/);
});

test('what others took of the time is no gain of a change', () => {
  const busy = (changes: Change[]) => {
    const advice = adviceOf(changes);
    advice.bound.busyNsPerToken = 2.5e8; // of half a second
    return { ...advice, verdict: verdictOf(advice, dense) };
  };
  assert.match(busy([pin(4.1)]).verdict, /^Only more memory helps/, '4 tokens/s if left alone');
  assert.match(busy([pin(6)]).verdict, /4\.80 to 7\.20 tokens\/s for 2\.00 \(4\.00 if left alone\)/);
  assert.match(
    renderAdvice(busy([pin(6)])),
    /CONTENDED: others had the CPUs for 50\.0 % of a token's\s+time/,
  );
  assert.doesNotMatch(renderAdvice({ ...adviceOf([pin(6)]), verdict: '' }), /CONTENDED/);
  const tried = { run: 'runs/one-advice-1', bytesPerToken: 5e7, tokensPerSecond: 3, seed: 2 };
  const verified = (busyNsPerToken: number | null) =>
    renderVerified([{ change: pin(6), ...tried, busyNsPerToken }]);
  assert.match(verified(1e8), /CONTENDED: others had the CPUs for 30\.0 %/);
  assert.doesNotMatch(verified(null), /CONTENDED/);
});

test('speeds are foreseen of a machine that is left alone', () => {
  const speed = speedModel(
    {
      bound: { ...adviceOf([]).bound, busyNsPerToken: 1e8 },
      workload: { tokensPerSecond: 2, bytesPerToken: 200 * MiB },
      memory: { readAheadKib: 128 },
    } as unknown as Summary,
    4096,
  );
  assert.ok(speed);
  assert.equal(speed.tokensPerSecond(0, 128), 20, 'of 50 ms');
  const expected = 1e9 / (5e7 + 3.5e8);
  assert.ok(Math.abs(speed.tokensPerSecond(200 * MiB, 128) - expected) < 1e-9, 'as the run without others');
});

test('the text tells what is guessed, the changes with their ranges, and the curve', () => {
  const advice = adviceOf([pin(6)], { seenShare: 0.5 });
  const curve = [
    {
      ...{ memoryBytes: 100 * MiB, kernelBytesPerToken: 250 * MiB, pinnedBytesPerToken: 150 * MiB },
      kernelRange: { low: 200 * MiB, high: 300 * MiB },
      pinnedRange: { low: 140 * MiB, high: 160 * MiB },
    },
  ];
  const text = renderAdvice({ ...advice, curve, verdict: 'A verdict.' });
  assert.match(text, /Guessed: the trace shows only 50\.0 % of the uses of experts/);
  assert.match(text, /100 MiB pinned\n +50\.0 MiB per token, 6\.00 tokens\/s \(4\.80 to 7\.20\)\n +a reason/);
  assert.match(text, /100 MiB +250 MiB +200 MiB to 300 MiB +150 MiB +140 MiB to 160 MiB/);
});

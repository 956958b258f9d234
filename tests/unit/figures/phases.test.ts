import assert from 'node:assert/strict';
import { test } from 'node:test';
import { phaseWindows, timeSlots } from '../../../src/figures/phases.js';
import type { Generation, Mark } from '../../../src/workload/engine.js';

const mark = (kind: Mark['kind'], time: number): Mark => ({ kind, time: BigInt(time) });
const marks = [
  mark('started', 10),
  mark('loaded', 20),
  mark('promptDone', 30),
  mark('token', 30),
  mark('token', 41),
];

test('the token that ended the prompt is the prompt’s; each other one is a slot', () => {
  const all = [...marks, mark('token', 55), mark('ended', 60)];
  assert.deepEqual(phaseWindows(all), [
    { name: 'load', fromNs: 10n, toNs: 20n, tokens: null },
    { name: 'prompt', fromNs: 20n, toNs: 30n, tokens: null },
    { name: 'generation', fromNs: 30n, toNs: 55n, tokens: 2 },
  ]);
  assert.deepEqual(timeSlots(all), [
    { phase: 'load', token: null, fromNs: 10n },
    { phase: 'prompt', token: null, fromNs: 20n },
    { phase: 'generation', token: 0, fromNs: 30n },
    { phase: 'generation', token: 1, fromNs: 41n },
    { phase: 'after', token: null, fromNs: 55n },
  ]);
});

test('a phase without both its marks is left out', () => {
  const commandOnly = [mark('started', 10), mark('ended', 60)];
  assert.deepEqual(phaseWindows(commandOnly), []);
  assert.deepEqual(timeSlots(commandOnly), []);
  const stoppedEarly = [mark('started', 10), mark('loaded', 20), mark('ended', 25)];
  assert.deepEqual(
    phaseWindows(stoppedEarly).map(({ name }) => name),
    ['load'],
  );
});

const said = (tokens: number, more: Partial<Generation> = {}): Generation => ({
  ...{ tokens, walks: null, speculative: false, startedAt: 25n, endedAt: 90n },
  ...more,
});
const four = [...marks, mark('token', 55), mark('token', 70), mark('ended', 99)];
const generationOf = (...args: Parameters<typeof phaseWindows>) =>
  phaseWindows(...args).find(({ name }) => name === 'generation');

test('where each token has its mark, the marks tell', () => {
  assert.deepEqual(phaseWindows(four, said(4)), phaseWindows(four));
  assert.deepEqual(timeSlots(four, said(4)), timeSlots(four));
});

test('4 marks of 40 tokens: all of the generation counts, by its 39 tokens after the first', () => {
  assert.deepEqual(generationOf(four, said(40)), { name: 'generation', fromNs: 25n, toNs: 90n, tokens: 39 });
  assert.deepEqual(
    timeSlots(four, said(40)).map(({ phase, fromNs }) => `${phase}@${fromNs}`),
    ['load@10', 'prompt@20', 'generation@25', 'generation@41', 'generation@55', 'after@90'],
  );
});

test('it begins neither before the load nor after the first mark, and ends not before the last', () => {
  assert.equal(generationOf(four, said(40, { startedAt: 5n }))?.fromNs, 20n);
  assert.equal(generationOf(four, said(40, { startedAt: 35n }))?.fromNs, 30n);
  assert.equal(generationOf(four, said(40, { startedAt: null }))?.fromNs, 30n);
  assert.equal(generationOf(four, said(40, { endedAt: 60n }))?.toNs, 70n);
  assert.equal(generationOf(four, said(40, { endedAt: null }))?.toNs, 70n);
});

test('no mark at all: the program alone tells', () => {
  const none = [mark('started', 10), mark('loaded', 20), mark('ended', 99)];
  assert.deepEqual(generationOf(none, said(40)), { name: 'generation', fromNs: 25n, toNs: 90n, tokens: 39 });
  assert.equal(timeSlots(none, said(40)).filter(({ phase }) => phase === 'generation').length, 1);
});

test('with drafts a mark is no walk, though each token has one', () => {
  assert.equal(generationOf(four, said(4, { speculative: true, walks: 2 }))?.toNs, 90n);
});

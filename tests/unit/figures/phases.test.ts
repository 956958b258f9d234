import assert from 'node:assert/strict';
import { test } from 'node:test';
import { phaseWindows, timeSlots } from '../../../src/figures/phases.js';
import type { Mark } from '../../../src/workload/engine.js';

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

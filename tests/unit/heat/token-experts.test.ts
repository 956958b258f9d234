import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunTouches } from '../../../src/heat/run-touches.js';
import { tokenExperts } from '../../../src/heat/token-experts.js';
import type { Region } from '../../../src/model/regions.js';

const experts = 8;

/** A layer of 8 experts, each with a slice of 100 bytes in two tensors: expert e has the regions e and 8 + e. */
const regions: Region[] = ['up', 'down'].flatMap((tensor) =>
  Array.from({ length: experts }, (_, expert) => ({
    ...{ part: 0, offset: 0, bytes: 100, tensor, stack: '', layer: 0 },
    ...{ role: 'experts' as const, expert },
  })),
);

/** `reads`: by token, the experts that were read whole; `part`: those of which a quarter was. */
function runOf(reads: readonly { whole: number[]; part?: number[] }[]): RunTouches {
  const touches = reads.flatMap(({ whole, part = [] }, token) => [
    ...whole.flatMap((e) => [e, experts + e].map((region) => ({ token, region, bytes: 100 }))),
    ...part.map((e) => ({ token, region: e, bytes: 50 })),
  ]);
  return { regions, touches, promptRegions: new Set(), wholly: new Set(), seen: false };
}

const slices = (...used: number[]) => [...used, ...used.map((e) => experts + e)].sort((a, b) => a - b);

test('experts read whole were used; a neighbour that readahead touched was not', () => {
  const run = runOf([
    { whole: [1, 5], part: [2] },
    { whole: [0, 7], part: [6] },
  ]);
  const { byToken, seenShare } = tokenExperts(run, 2, 2, 'cached');
  assert.deepEqual(byToken, [slices(1, 5), slices(0, 7)]);
  assert.equal(seenShare, 1);
});

test('never more than a token uses: those of which most was read', () => {
  const run = runOf([{ whole: [1, 5] }]);
  run.touches.push({ token: 0, region: 3, bytes: 60 }, { token: 0, region: 3 + experts, bytes: 60 });
  assert.deepEqual(tokenExperts(run, 1, 2, 'any').byToken, [slices(1, 5)]);
});

test('what memory held is guessed: the one not read again for longest, never one that was just read', () => {
  // 0 to 7 are read once; then one of the two that each token uses is always the same, and never read again
  const first = Array.from({ length: 4 }, (_, i) => ({ whole: [2 * i, 2 * i + 1] }));
  const { byToken, seenShare } = tokenExperts(runOf([...first, { whole: [6] }]), 5, 2, 'cached');
  assert.ok(byToken[4]?.includes(6));
  assert.ok(byToken[4]?.includes(0) && !byToken[4]?.includes(7));
  assert.equal(seenShare, 0.9);
});

test('of a run that was watched nothing is guessed: a token used what it was seen to use, also fewer or more than the model says', () => {
  const run = { ...runOf([{ whole: [1] }, { whole: [0, 3, 7], part: [6] }]), seen: true };
  const { byToken, seenShare } = tokenExperts(run, 2, 2, 'cached');
  assert.deepEqual(byToken, [slices(1), slices(0, 3, 7)]);
  assert.equal(seenShare, 1);
});

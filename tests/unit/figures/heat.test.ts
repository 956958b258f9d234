import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heatOf } from '../../../src/figures/heat.js';
import type { Region } from '../../../src/model/regions.js';
import type { RegionRole } from '../../../src/model/roles.js';

const region = (
  tensor: string | null,
  role: RegionRole,
  layer: number | null,
  expert: number | null,
): Region => ({
  ...{ part: 0, offset: 0, bytes: 100, tensor, stack: '', layer, role, expert },
});

// A layer with attention and four experts, whose stacked tensor lies in four slices.
const regions = [
  region(null, 'metadata', null, null),
  region('blk.0.attn_q.weight', 'attention', 0, null),
  ...[0, 1, 2, 3].map((expert) => region('blk.0.ffn_up_exps.weight', 'experts', 0, expert)),
];
const wholly = new Set(['blk.0.attn_q.weight']);
const touch = (token: number, at: number, bytes = 100) => ({ token, region: at, bytes });

test('what every token reads, what some do, what none does', () => {
  const heat = heatOf(
    regions,
    [touch(0, 1), touch(0, 2), touch(1, 1, 50), touch(1, 2), touch(1, 3)],
    2,
    wholly,
  );
  assert.deepEqual(heat.regionBytes, { every: 200, some: 100, never: 300 });
  const attention = heat.roles.find(({ name }) => name === 'attention');
  assert.deepEqual(attention, {
    ...{ name: 'attention', bytes: 100, readBytes: 150, bytesPerToken: 75, touchedIn: 2, touched: 'every' },
  });
  assert.equal(heat.tensors.find(({ name }) => name.includes('exps'))?.touchedIn, 2);
  assert.equal(heat.experts.length, 4);
  assert.equal(heat.experts.find(({ name }) => name === 'layer 0 expert 1')?.touched, 'some');
  assert.equal(heat.seenShare, 0.75);
});

test('experts: what the hottest take, and what one token repeats of the one before', () => {
  const touches = [touch(0, 2, 300), touch(1, 2, 100), touch(1, 3, 100), touch(2, 4, 100), touch(3, 2, 400)];
  const use = heatOf(regions, touches, 4, wholly).expertUse;
  assert.equal(use?.count, 4);
  assert.deepEqual(use?.hottest, [
    { k: 1, share: 0.8 },
    { k: 2, share: 0.9 },
  ]);
  assert.equal(use?.repeatedShare, 100 / 700);
});

test('without experts or tokens there is nothing to say of them', () => {
  const heat = heatOf(regions.slice(0, 2), [], 0, wholly);
  assert.equal(heat.expertUse, null);
  assert.equal(heat.seenShare, null);
  assert.deepEqual(heat.regionBytes, { every: 0, some: 0, never: 200 });
});

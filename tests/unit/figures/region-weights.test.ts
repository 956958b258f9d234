import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesByPlace, mainPlace, weightPlaces } from '../../../src/figures/region-weights.js';
import type { Model } from '../../../src/model/gguf.js';

const MiB = 2 ** 20;

/** A table of rows of 4 GiB, then 200 MiB that every token uses. */
const sizes = [
  ['per_layer_token_embd.weight', 4096 * MiB],
  ['blk.0.attn_q.weight', 100 * MiB],
  ['output.weight', 100 * MiB],
] as const;
const model: Model = {
  ...{ path: 'm', name: null, architecture: 'gemma4', fileType: null, layers: 1, experts: null },
  ...{ keys: new Map(), notes: [], bytes: 4296 * MiB },
  parts: [{ path: 'm', bytes: 4296 * MiB, metadataBytes: 0 }],
  tensors: sizes.map(([name, bytes], i) => ({
    ...{ name, part: 0, bytes, type: 'F16', shape: [1024, bytes / 2048] },
    offset: sizes.slice(0, i).reduce((sum, [, each]) => sum + each, 0),
  })),
};
const all = [[{ offset: 0, bytes: model.bytes }]];

function places(mapped: { offset: number; bytes: number }[][], anonMiB: number): (string | undefined)[] {
  const found = weightPlaces([{ model, mapped }], anonMiB * MiB)[0];
  return model.tensors.map(({ name }) => found?.get(name));
}

test('each tensor is where the maps and the memory show it', () => {
  assert.deepEqual(places(all, 30), ['mapped', 'mapped', 'mapped']);
  assert.deepEqual(
    places(all, 240),
    ['mapped', 'both', 'both'],
    'a layout for the CPU; the table stays as it is',
  );
  const table = [[{ offset: 0, bytes: 4096 * MiB }]];
  assert.deepEqual(places(table, 220), ['mapped', 'copied', 'copied'], 'a table that is read lazily');
  assert.deepEqual(places(table, 20), ['mapped', undefined, undefined], 'it had no memory for the others');
  assert.deepEqual(places([[]], 4500), ['copied', 'copied', 'copied']);
  assert.equal(weightPlaces([{ model, mapped: [[]] }], 5 * MiB)[0], null);
  assert.equal(weightPlaces([{ model: { ...model, bytes: MiB }, mapped: all }], 0)[0], null);
});

test('sizes by place add up to what is known', () => {
  const found = weightPlaces([{ model, mapped: all }], 240 * MiB)[0];
  assert.ok(found);
  assert.equal(mainPlace(model, found), 'copied', 'of what tokens use whole');
  assert.deepEqual(bytesByPlace(model.tensors, found), { mapped: 4096 * MiB, copied: 0, both: 200 * MiB });
});

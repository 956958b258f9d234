import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Model } from '../../../src/model/gguf.js';
import type { Engine } from '../../../src/workload/engine.js';
import { copyLine, foreseenCopy, keptMapped } from '../../../src/workload/packed-layouts.js';

const MiB = 2 ** 20;

/** A table of 100 MiB and two weights of this type. */
function modelOf(type: string): Model {
  const tensor = (name: string, bytes: number, of = type) => ({
    ...{ name, bytes, type: of, part: 0, offset: 0, shape: [1024, 1024] },
  });
  return {
    ...{ path: 'm', name: null, architecture: 'llama', fileType: null, layers: 1, experts: null },
    ...{ keys: new Map(), notes: [], bytes: 300 * MiB, parts: [] },
    tensors: [
      tensor('token_embd.weight', 100 * MiB),
      tensor('blk.0.attn_q.weight', 90 * MiB),
      tensor('output.weight', 110 * MiB),
      { ...tensor('blk.0.attn_norm.weight', 4096, 'F32'), shape: [1024] },
    ],
  };
}

const engineThat = (packs: boolean, more: Partial<Engine> = {}): Engine => ({
  ...{ name: 'embedded', path: null, start: () => Promise.reject(new Error('not started')) },
  ...{ packs: () => packs, ...more },
});
const options = { model: 'm', log: '' };

test('the types and the engine decide what is copied; tables are not', () => {
  const copy = foreseenCopy(modelOf('Q4_K'), engineThat(true), options);
  assert.deepEqual(copy, { copiedBytes: 200 * MiB, ofBytes: 200 * MiB + 4096, types: ['Q4_K'] });
  assert.match(
    copyLine(copy as NonNullable<typeof copy>, engineThat(true)),
    /200 MiB .*Q4_K.* will be copied .*--llama/,
  );
  for (const type of ['F16', 'BF16', 'F32', 'IQ3_S', 'type 156'])
    assert.equal(foreseenCopy(modelOf(type), engineThat(true), options), null, type);
  assert.equal(foreseenCopy(modelOf('Q4_K'), engineThat(false), options), null);
});

test('a load mode that copies everything is told by its own note', () => {
  const loading = () => ({ mode: 'none' as const, lazy: null, gpuLayers: null, cpuMoe: null });
  assert.equal(foreseenCopy(modelOf('Q4_K'), engineThat(true, { loading }), options), null);
});

test('what an engine keeps mapped is one line', () => {
  assert.match(keptMapped(engineThat(false)), /all types stay mapped/);
  assert.match(keptMapped(engineThat(true)), /F32, F16 and BF16 stay mapped; Q4_0, .* are copied/);
});

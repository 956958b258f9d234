import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuFeatures } from '../../../src/machine/cpu-features.js';
import type { Model } from '../../../src/model/gguf.js';
import type { Engine, Packing } from '../../../src/workload/engine.js';
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

const engineThat = (packing: Packing, more: Partial<Engine> = {}): Engine => ({
  ...{ name: 'embedded', path: null, start: () => Promise.reject(new Error('not started')) },
  ...{ packs: () => packing, ...more },
});
const options = { model: 'm', log: '' };
const avx2 = new Set(['avx', 'avx2']);
const amx = new Set(['avx2', 'avx512f', 'amx_int8', 'amx_tile']);
const arm = new Set(['asimd', 'asimddp', 'i8mm']);

const copied = (type: string, packing: Packing, features: ReadonlySet<string>, shape?: number[]) => {
  const model = modelOf(type);
  if (shape) model.tensors = model.tensors.map((each) => ({ ...each, shape }));
  return foreseenCopy(model, engineThat(packing), options, features)?.copiedBytes ?? 0;
};

test('the types, the engine and the processor decide what is copied; tables are not', () => {
  const copy = foreseenCopy(modelOf('Q4_K'), engineThat('vectors'), options, avx2);
  assert.deepEqual(copy, { copiedBytes: 200 * MiB, ofBytes: 200 * MiB + 4096, types: ['Q4_K'] });
  assert.match(
    copyLine(copy as NonNullable<typeof copy>, engineThat('vectors')),
    /200 MiB .*Q4_K.* will be copied .*--llama/,
  );
  const all = 200 * MiB;
  for (const [type, packing, features, bytes] of [
    ['Q4_K', 'none', amx, 0],
    ['Q4_K', 'tiles', new Set<string>(), 0],
    ['Q4_0', 'vectors', avx2, all],
    ['MXFP4', 'vectors', avx2, all],
    ['Q8_0', 'vectors', avx2, 0],
    ['Q6_K', 'vectors', avx2, 0],
    ['Q2_K', 'vectors', avx2, 0],
    ['Q2_K', 'vectors', amx, all],
    ['Q8_0', 'vectors', amx, 0],
    ['Q8_0', 'tiles', amx, all],
    ['F16', 'tiles', amx, all],
    ['F16', 'vectors', amx, 0],
    ['BF16', 'tiles', amx, 0],
    ['Q6_K', 'vectors', arm, all],
    ['F16', 'tiles', arm, 0],
    ['IQ3_S', 'tiles', amx, 0],
    ['type 156', 'tiles', amx, 0],
  ] as const)
    assert.equal(copied(type, packing, features), bytes, `${type} ${packing} ${[...features].join(' ')}`);
});

test('experts are in no tile layout, and rows that do not fill a layout are in none', () => {
  assert.equal(copied('Q8_0', 'tiles', amx, [1024, 1024, 32]), 0);
  assert.ok(copied('MXFP4', 'tiles', amx, [1024, 1024, 32]) > 0);
  assert.equal(copied('Q4_0', 'vectors', avx2, [1024, 1023]), 0);
});

test('a load mode that copies everything is told by its own note', () => {
  const loading = () => ({ mode: 'none' as const, lazy: null, gpuLayers: null, cpuMoe: null });
  assert.equal(foreseenCopy(modelOf('Q4_K'), engineThat('tiles', { loading }), options, amx), null);
});

test('what an engine keeps mapped is one line', () => {
  assert.match(keptMapped(engineThat('none'), amx), /all types stay mapped/);
  assert.match(keptMapped(engineThat('vectors'), new Set()), /all types stay mapped: .* no layout/);
  assert.match(
    keptMapped(engineThat('vectors'), avx2),
    /^weights in IQ4_NL, MXFP4, Q4_0, Q4_K are copied .*F16$/,
  );
  assert.match(keptMapped(engineThat('tiles'), amx), /F16, .*use a model in BF16$/);
});

test("the processor tells its features in the kernel's words", () => {
  const features = cpuFeatures();
  if (process.arch === 'x64') assert.ok(features.has('sse2'));
  assert.equal(cpuFeatures('/nowhere').size, 0);
});

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Model, type ModelTensor, readModel } from '../../../src/model/gguf.js';
import { modelRegions, type Region } from '../../../src/model/regions.js';
import { tensorPlace } from '../../../src/model/roles.js';
import { synthesizeModel } from '../../../src/model/synthesize.js';

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blkscope-regions-'));
});

after(() => rm(folder, { recursive: true }));

/** Each part is covered from its first byte to its last, in order, by regions of at least a byte. */
function assertCovers(model: Model, regions: Region[]): void {
  let part = 0;
  let end = 0;
  for (const region of regions) {
    if (region.part !== part) {
      assert.equal(end, model.parts[part]?.bytes);
      assert.equal(region.part, part + 1);
      part = region.part;
      end = 0;
    }
    assert.equal(region.offset, end);
    assert.ok(Number.isInteger(region.bytes) && region.bytes > 0);
    end += region.bytes;
  }
  assert.equal(end, model.parts[part]?.bytes);
  assert.equal(part, model.parts.length - 1);
  assert.equal(
    regions.reduce((sum, { bytes }) => sum + bytes, 0),
    model.bytes,
  );
}

function bytesOf(regions: Region[], chosen: (region: Region) => boolean): number {
  return regions.filter(chosen).reduce((sum, { bytes }) => sum + bytes, 0);
}

test('regions of a dense model', async () => {
  const path = join(folder, 'dense.gguf');
  await synthesizeModel(path, { preset: 'tiny-llama', layers: 3, weights: 'Q4_K_M' });
  const model = await readModel(path);
  const regions = modelRegions(model);
  assertCovers(model, regions);
  const sizeOf = (pattern: RegExp) =>
    model.tensors.filter(({ name }) => pattern.test(name)).reduce((sum, { bytes }) => sum + bytes, 0);
  assert.equal(
    bytesOf(regions, ({ role }) => role === 'embedding'),
    sizeOf(/^token_embd/),
  );
  assert.equal(
    bytesOf(regions, ({ role }) => role === 'output'),
    sizeOf(/^output\.weight/),
  );
  assert.equal(
    bytesOf(regions, ({ role, layer }) => role === 'dense-ffn' && layer === 1),
    sizeOf(/^blk\.1\.ffn_(gate|up|down)/),
  );
  assert.equal(
    bytesOf(regions, ({ role }) => role === 'attention'),
    sizeOf(/attn_(q|k|v|output)/),
  );
  assert.equal(regions[0]?.role, 'metadata');
  assert.equal(
    bytesOf(regions, ({ role }) => role === 'metadata'),
    model.parts[0]?.metadataBytes,
  );
  assert.ok(regions.every(({ expert, role }) => expert === null && role !== 'other'));
});

test('every stacked expert is a region of its own', async () => {
  const path = join(folder, 'experts.gguf');
  await synthesizeModel(path, { preset: 'tiny-gpt-oss', layers: 2, weights: 'MXFP4' });
  const model = await readModel(path);
  const regions = modelRegions(model);
  assertCovers(model, regions);
  assert.ok(regions.every(({ role }) => role !== 'other'));
  const up = model.tensors.find(({ name }) => name === 'blk.1.ffn_up_exps.weight') as ModelTensor;
  const slices = regions.filter(({ tensor }) => tensor === up.name);
  assert.deepEqual(
    slices.map(({ expert }) => expert),
    Array.from({ length: 32 }, (_, index) => index),
  );
  assert.ok(
    slices.every(({ bytes, layer, role }) => bytes === up.bytes / 32 && layer === 1 && role === 'experts'),
  );
  assert.equal(slices[5]?.offset, up.offset + (5 * up.bytes) / 32);
  // a layer's expert: three matrices and their biases
  assert.equal(
    bytesOf(regions, ({ layer, expert }) => layer === 0 && expert === 7),
    3 * 256 * 128 * (17 / 32) + (128 + 128 + 256) * 4,
  );
  assert.equal(regions.filter(({ role, layer }) => role === 'router' && layer === 0).length, 2);
});

test('any layout of parts, gaps and tails adds up', () => {
  let state = 1;
  const random = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  for (let round = 0; round < 300; round++) {
    const experts = random(2) === 0 ? null : { count: 1 + random(8), used: 1 };
    const model = randomModel(random, experts);
    assertCovers(model, modelRegions(model));
  }
});

function randomModel(random: (below: number) => number, experts: Model['experts']): Model {
  const tensors: ModelTensor[] = [];
  const parts = Array.from({ length: 1 + random(3) }, (_, part) => {
    const metadataBytes = 1 + random(1000);
    let end = metadataBytes;
    for (let index = random(20); index > 0; index--) {
      const offset = end + (random(2) === 0 ? 0 : random(100));
      const stack = experts?.count ?? 1;
      const bytes = stack * random(500);
      const name = `blk.${index}.${random(2) === 0 ? 'ffn_up_exps' : 'attn_q'}.weight`;
      tensors.push({ name, part, offset, bytes, shape: [1, 1, stack], type: 'I8' });
      end = offset + bytes;
    }
    return { path: `part ${part}`, bytes: end + (random(2) === 0 ? 0 : random(64)), metadataBytes };
  });
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return {
    path: 'part 0',
    parts,
    bytes,
    architecture: 'llama',
    name: null,
    fileType: null,
    layers: 20,
    tensors,
    experts,
    keys: new Map(),
    notes: [],
  };
}

test('names of tensors tell layer, role and expert', () => {
  const cases: [string, number | null, Region['role'], number | null][] = [
    ['token_embd.weight', null, 'embedding', null],
    ['token_embd_norm.weight', null, 'norm', null],
    ['output.weight', null, 'output', null],
    ['output_norm.weight', null, 'norm', null],
    ['rope_freqs.weight', null, 'attention', null],
    ['blk.12.attn_qkv.weight', 12, 'attention', null],
    ['blk.12.attn_output.bias', 12, 'attention', null],
    ['blk.12.attn_sinks.weight', 12, 'attention', null],
    ['blk.12.attn_q_norm.weight', 12, 'norm', null],
    ['blk.12.post_attention_norm.weight', 12, 'norm', null],
    ['blk.12.ssm_out.weight', 12, 'attention', null],
    ['blk.3.ffn_norm.weight', 3, 'norm', null],
    ['blk.3.ffn_down.weight', 3, 'dense-ffn', null],
    ['blk.3.ffn_gate_inp.weight', 3, 'router', null],
    ['blk.3.exp_probs_b.bias', 3, 'router', null],
    ['blk.3.ffn_gate_up_exps.weight', 3, 'experts', null],
    ['blk.3.ffn_up_shexp.weight', 3, 'dense-ffn', null],
    ['blk.3.ffn_gate.5.weight', 3, 'experts', 5],
    ['blk.3.made_up.weight', 3, 'other', null],
  ];
  for (const [name, layer, role, expert] of cases) {
    assert.deepEqual(tensorPlace(name), { stack: '', layer, role, expert }, name);
  }
});

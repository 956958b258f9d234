import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ModelTensor, readModel } from '../../../src/model/gguf.js';
import { type SynthesizeOptions, synthesizeModel, syntheticShape } from '../../../src/model/synthesize.js';
import { planBytes, planTensors } from '../../../src/model/synthetic-shape.js';
import { SPECIAL_TOKENS, syntheticVocabulary } from '../../../src/model/synthetic-vocabulary.js';
import { scaleExponent, WeightPool, type WeightType } from '../../../src/model/synthetic-weights.js';
import { blockBytes, blockWeights } from '../../../src/model/tensor-types.js';
import { planPins } from '../../../src/pin/pin-plan.js';

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blkscope-synthesize-'));
});

after(() => rm(folder, { recursive: true }));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function digest(options: SynthesizeOptions): Promise<string> {
  const path = join(folder, 'digest.gguf');
  await synthesizeModel(path, options);
  return sha256(await readFile(path));
}

async function tensorData(path: string, tensor: ModelTensor): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    return (await file.read(Buffer.alloc(tensor.bytes), 0, tensor.bytes, tensor.offset)).buffer;
  } finally {
    await file.close();
  }
}

test('the seed decides every byte', async () => {
  const options = { preset: 'tiny-gpt-oss', layers: 1, router: { zipf: 1 } } as const;
  const first = await digest({ ...options, seed: 7 });
  assert.equal(await digest({ ...options, seed: 7 }), first);
  assert.notEqual(await digest({ ...options, seed: 8 }), first);
});

test('the file is laid out as a real model is', async () => {
  const path = join(folder, 'layout.gguf');
  const progress: [number, number][] = [];
  const made = await synthesizeModel(path, {
    preset: 'tiny-llama',
    onProgress: (written, total) => progress.push([written, total]),
  });
  const model = await readModel(path);
  assert.equal(model.bytes, made.bytes);
  assert.deepEqual(progress.at(-1), [made.bytes, made.bytes]);
  assert.ok(progress.every(([written], index) => written >= (progress[index - 1]?.[0] ?? 0)));
  assert.equal(model.tensors[0]?.name, 'token_embd.weight');
  assert.equal(model.tensors.at(-1)?.name, 'output.weight');
  const layers = model.tensors.flatMap(({ name }) => /^blk\.(\d+)\./.exec(name)?.[1] ?? []).map(Number);
  assert.deepEqual(
    layers,
    [...layers].sort((a, b) => a - b),
  );
  assert.equal(new Set(layers).size, 8);
  assert.ok(model.tensors.every(({ offset }) => offset % 32 === 0));
  assert.equal(
    model.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    made.parameters,
  );
});

test("Gemma 3n: its table is the largest tensor, and no pin of that model's size spends on it", async () => {
  const shape = syntheticShape({ preset: 'gemma-3n-e4b' });
  const tensors = planTensors(shape);
  const sizes = tensors.map(({ name, type, shape: each }) => ({
    name,
    bytes: planBytes([{ name, type, shape: each, fill: { kind: 'constant', value: 0 } }]),
  }));
  const largest = sizes.reduce((a, b) => (a.bytes > b.bytes ? a : b));
  assert.equal(largest.name, 'per_layer_token_embd.weight');
  assert.ok(largest.bytes > 1.2e9, `${largest.bytes}`);
  const made = { offset: 0 };
  const placed = tensors.map(({ name, type, shape: each }, i) => {
    const bytes = sizes[i]?.bytes ?? 0;
    made.offset += bytes;
    return { name, type, shape: each, bytes, part: 0, offset: made.offset - bytes };
  });
  const bytes = made.offset;
  const model = {
    ...{
      path: 'e4b',
      name: null,
      fileType: null,
      layers: shape.layers,
      architecture: 'gemma3n',
      experts: null,
    },
    ...{
      parts: [{ path: 'e4b', bytes, metadataBytes: 0 }],
      bytes,
      tensors: placed,
      keys: new Map(),
      notes: [],
    },
  };
  const { tensors: held } = planPins(model, 3 * 2 ** 30);
  assert.ok(held.length > 0 && held.every(({ name }) => name !== largest.name));
});

test('presets have the sizes of the models they stand for', () => {
  const size = (options: SynthesizeOptions) => planBytes(planTensors(syntheticShape(options)));
  const near = (bytes: number, wanted: number, part: number) =>
    assert.ok(Math.abs(bytes - wanted) < wanted * part, `${bytes} for ${wanted}`);
  near(size({ preset: 'demo' }), 600e6, 0.01);
  near(size({ preset: 'gpt-oss-1b' }), 1.31e9, 0.01);
  // llama-2-7b-chat.Q4_K_M.gguf and its Q4_0 and F16 fellows
  near(size({ preset: 'llama-2-7b' }), 4_081_004_224, 0.002);
  near(size({ preset: 'llama-2-7b', weights: 'Q4_0' }), 3_825_806_912, 0.002);
  near(size({ preset: 'llama-2-7b', weights: 'F16' }), 13_478_104_576, 0.001);
  // gpt-oss-20b with MXFP4 experts and 16-bit weights for the rest
  near(size({ preset: 'gpt-oss-20b' }), 13.8e9, 0.01);
});

test('a wanted size is met by the number of layers', () => {
  const base = { preset: 'demo' } as const;
  const perLayer =
    planBytes(planTensors(syntheticShape({ ...base, layers: 11 }))) -
    planBytes(planTensors(syntheticShape({ ...base, layers: 10 })));
  for (const bytes of [100e6, 742 * 2 ** 20, 2e9]) {
    const made = planBytes(planTensors(syntheticShape({ ...base, bytes })));
    assert.ok(Math.abs(made - bytes) <= perLayer / 2, `${made} for ${bytes}`);
  }
});

test('shapes that cannot be are refused', () => {
  const refused: SynthesizeOptions[] = [
    { layers: 0 },
    { layers: 1.5 },
    { layers: 4, bytes: 1e9 },
    { bytes: 1000 },
    { bytes: 1e15 },
    { preset: 'none' as 'demo' },
    { preset: 'gpt-oss-20b', bytes: 1.5e9 }, // one layer has 2.8e9
    { preset: 'gpt-oss-20b', bytes: 2.4e9 },
  ];
  for (const options of refused) {
    assert.throws(() => syntheticShape(options), { name: 'BlkscopeError', code: 'BAD_SHAPE' });
  }
});

test('an aborted file leaves nothing behind', async () => {
  const place = await mkdtemp(join(folder, 'aborted-'));
  const controller = new AbortController();
  const reason = new Error('enough');
  const writing = synthesizeModel(join(place, 'model.gguf'), {
    preset: 'tiny-llama',
    signal: controller.signal,
    onProgress: (written, total) => {
      if (written > total / 2) controller.abort(reason);
    },
  });
  await assert.rejects(writing, reason);
  assert.deepEqual(await readdir(place), []);
});

test('a folder that is not there is named', async () => {
  const path = join(folder, 'missing', 'model.gguf');
  await assert.rejects(synthesizeModel(path, { preset: 'tiny-llama' }), {
    name: 'BlkscopeError',
    code: 'ENOENT',
    message: /missing\/model\.gguf.*no such folder/,
  });
});

test('a Zipf router prefers experts by rank, in another order in each layer', async () => {
  const path = join(folder, 'zipf.gguf');
  await synthesizeModel(path, { preset: 'tiny-gpt-oss', router: { zipf: 1.5 } });
  const { tensors } = await readModel(path);
  const orders = await Promise.all(
    tensors
      .filter(({ name }) => name.endsWith('ffn_gate_inp.bias'))
      .map(async (tensor) => {
        const bytes = await tensorData(path, tensor);
        const bias = [...new Float32Array(bytes.buffer, bytes.byteOffset, 32)];
        const ranked = [...bias].sort((a, b) => b - a);
        for (const [rank, value] of ranked.entries()) {
          assert.ok(Math.abs(value + 1.5 * Math.log(rank + 1)) < 1e-6);
        }
        return bias.map((value) => ranked.indexOf(value)).join();
      }),
  );
  assert.equal(new Set(orders).size, 4);
});

test('no part of the file repeats on a file system’s blocks', async () => {
  const path = join(folder, 'repeats.gguf');
  await synthesizeModel(path, { preset: 'tiny-llama', bytes: 60e6 }); // several times what a pool holds
  const bytes = await readFile(path);
  const blocks = Array.from({ length: Math.floor(bytes.length / 4096) }, (_, index) =>
    sha256(bytes.subarray(index * 4096, (index + 1) * 4096)),
  );
  // what may repeat: the rows of the special tokens, which are zero
  const zeros = (SPECIAL_TOKENS * 256 * 2) / 4096;
  assert.ok(new Set(blocks).size >= blocks.length - zeros);
});

test('random weights have the deviation that was asked for', () => {
  for (const type of Object.keys(decoders) as WeightType[]) {
    for (const deviation of [1, 1 / 16, 0.01]) {
      const block = blockBytes(type);
      const blocks = 8192 / blockWeights(type);
      const bytes = WeightPool.of(type, scaleExponent(type, deviation), 1).take(blocks * block);
      const weights = Array.from({ length: blocks }, (_, index) =>
        decoders[type](bytes.subarray(index * block, (index + 1) * block)),
      ).flat();
      assert.equal(weights.length, 8192);
      const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
      const found = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0) / weights.length);
      assert.ok(found > deviation / 1.5 && found < deviation * 1.5, `${type}: ${found} for ${deviation}`);
      // symmetric formats centre on 0, those with one more negative value half a step below
      assert.ok(Math.abs(mean) < found * 0.15, `${type}: mean ${mean}`);
    }
  }
});

/** Each format's weights from one block, as its definition in ggml has them. */
const decoders: Record<WeightType, (block: Buffer) => number[]> = {
  F16: (block) => [half(block, 0)],
  Q8_0: (block) => bytesOf(block, 2, 32).map((_, index) => half(block, 0) * block.readInt8(2 + index)),
  Q4_0: (block) => nibbles(block, 2, 16).map((value) => half(block, 0) * (value - 8)),
  Q4_K: (block) => {
    const scale = (index: number) =>
      index < 4
        ? [byte(block, 4 + index) & 63, byte(block, 8 + index) & 63]
        : [
            (byte(block, 8 + index) & 15) | ((byte(block, index) >> 6) << 4),
            (byte(block, 8 + index) >> 4) | ((byte(block, 4 + index) >> 6) << 4),
          ];
    return Array.from({ length: 256 }, (_, index) => {
      const group = Math.floor(index / 32);
      const packed = byte(block, 16 + Math.floor(group / 2) * 32 + (index % 32));
      const [step = 0, minimum = 0] = scale(group);
      const value = group % 2 === 0 ? packed & 15 : packed >> 4;
      return half(block, 0) * step * value - half(block, 2) * minimum;
    });
  },
  Q6_K: (block) =>
    Array.from({ length: 256 }, (_, index) => {
      const part = Math.floor(index / 128);
      const quarter = Math.floor((index % 128) / 32);
      const low = byte(block, part * 64 + (quarter % 2) * 32 + (index % 32)) >> (quarter < 2 ? 0 : 4);
      const high = byte(block, 128 + part * 32 + (index % 32)) >> (2 * quarter);
      const value = (low & 15) | ((high & 3) << 4);
      return half(block, 208) * block.readInt8(192 + Math.floor(index / 16)) * (value - 32);
    }),
  MXFP4: (block) => {
    const values = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
    return nibbles(block, 1, 16).map(
      (value) => 2 ** (byte(block, 0) - 127) * (values[value & 7] as number) * (value & 8 ? -1 : 1),
    );
  },
};

function byte(block: Buffer, at: number): number {
  return block.readUInt8(at);
}

function bytesOf(block: Buffer, at: number, count: number): number[] {
  return [...block.subarray(at, at + count)];
}

function nibbles(block: Buffer, at: number, count: number): number[] {
  return bytesOf(block, at, count).flatMap((value) => [value & 15, value >> 4]);
}

function half(block: Buffer, at: number): number {
  const bits = block.readUInt16LE(at);
  const exponent = (bits >> 10) & 31;
  assert.ok(exponent > 0 && exponent < 31, 'neither zero, subnormal, infinite nor NaN');
  return (bits & 0x8000 ? -1 : 1) * 2 ** (exponent - 15) * (1 + (bits & 1023) / 1024);
}

test('the vocabulary has distinct tokens, and the parts that merging needs', () => {
  const { tokens, scores, types } = syntheticVocabulary(32000);
  assert.equal(tokens.length, 32000);
  assert.equal(scores.length, 32000);
  assert.equal(types.length, 32000);
  const known = new Set(tokens);
  assert.equal(known.size, 32000);
  for (const token of tokens.slice(SPECIAL_TOKENS + 200)) {
    assert.ok(known.has(token.slice(0, -2)) && known.has(token.slice(-2)), token);
  }
});

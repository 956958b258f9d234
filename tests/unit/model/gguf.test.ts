import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { GGUFValueType } from '@huggingface/gguf';
import { BlkscopeError } from '../../../src/errors.js';
import { readModel } from '../../../src/model/gguf.js';
import { type GgufTensor, ggufHeader } from '../../../src/model/gguf-header.js';
import { modelRegions } from '../../../src/model/regions.js';
import { synthesizeModel } from '../../../src/model/synthesize.js';
import { ggufFile, layer, modelFile, writeGguf } from './gguf-file.js';

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blkscope-gguf-'));
});

after(() => rm(folder, { recursive: true }));

/** Reading this path fails with this code, in one line that names the path. */
async function refuses(path: string, code: string, named: string = path): Promise<void> {
  await assert.rejects(readModel(path), (error: unknown) => {
    assert.ok(error instanceof BlkscopeError, String(error));
    assert.equal(error.code, code);
    assert.ok(error.message.includes(named), error.message);
    assert.ok(!error.message.includes('\n'));
    return true;
  });
}

/** A whole file that holds these tensors, filled with zeros. */
function fileOf(tensors: GgufTensor[]): Buffer {
  const header = ggufHeader(
    [{ key: 'general.architecture', type: GGUFValueType.STRING, value: 'llama' }],
    tensors,
  );
  return Buffer.concat([header.bytes, Buffer.alloc(header.fileBytes - header.bytes.length)]);
}

async function written(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

test('a model tells its shape, types and sizes', async () => {
  const path = join(folder, 'model.gguf');
  const made = await synthesizeModel(path, { preset: 'tiny-gpt-oss', weights: 'MXFP4', layers: 2 });
  const model = await readModel(path);
  assert.equal(model.path, path);
  assert.equal(model.bytes, made.bytes);
  assert.equal(model.architecture, 'gpt-oss');
  assert.equal(model.name, 'tiny-gpt-oss');
  assert.equal(model.fileType, 'MXFP4_MOE');
  assert.equal(model.layers, 2);
  assert.deepEqual(model.experts, { count: 32, used: 4 });
  const experts = model.tensors.find(({ name }) => name === 'blk.1.ffn_up_exps.weight');
  assert.deepEqual(experts?.shape, [256, 128, 32]);
  assert.equal(experts?.type, 'MXFP4');
  assert.equal(experts?.bytes, (256 * 128 * 32 * 17) / 32);
});

test('sizes of tensors come from their types', async () => {
  const path = await written(
    'types.gguf',
    fileOf([
      { name: 'a', type: 'Q4_0', shape: [64, 3] },
      { name: 'b', type: 'Q6_K', shape: [512, 2, 5] },
      { name: 'c', type: 'F32', shape: [7] },
      { name: 'd', type: 'IQ4_XS', shape: [256] },
      { name: 'e', type: 'BF16', shape: [3, 3] },
    ]),
  );
  const { tensors, experts } = await readModel(path);
  assert.deepEqual(
    tensors.map(({ name, bytes }) => [name, bytes]),
    [
      ['a', 108],
      ['b', 4200],
      ['c', 28],
      ['d', 136],
      ['e', 18],
    ],
  );
  assert.equal(experts, null);
});

test('what is no model is refused', async () => {
  await refuses(join(folder, 'nowhere.gguf'), 'ENOENT');
  await refuses(folder, 'EISDIR');
  await refuses(await written('text.gguf', 'just some text\n'.repeat(100)), 'NOT_GGUF');
  await refuses(await written('empty.gguf', ''), 'NOT_GGUF');
  await refuses(await written('magic.gguf', 'GGUF'), 'TRUNCATED_GGUF');
});

test('a file cut short anywhere is refused', async () => {
  const whole = await readFile(join(folder, 'model.gguf'));
  const { metadataBytes } = (await readModel(join(folder, 'model.gguf'))).parts[0] ?? { metadataBytes: 0 };
  const inHeader = Array.from({ length: 40 }, (_, index) => 8 + Math.floor((index * metadataBytes) / 40));
  for (const length of [...inHeader, metadataBytes - 1]) {
    const path = await written('cut.gguf', whole.subarray(0, length));
    await assert.rejects(readModel(path), (error: unknown) => {
      assert.ok(error instanceof BlkscopeError, `cut to ${length}: ${error}`);
      assert.match(error.code, /^(TRUNCATED|DAMAGED)_GGUF$/, `cut to ${length}`);
      assert.match(error.message, /cut short/);
      return true;
    });
  }
  for (const length of [metadataBytes, metadataBytes + 5000, whole.length - 64]) {
    await refuses(await written('cut.gguf', whole.subarray(0, length)), 'TRUNCATED_GGUF');
  }
});

test('a file whose list of tensors makes no sense is refused', async () => {
  const file = fileOf([
    { name: 'first', type: 'F32', shape: [64] },
    { name: 'second', type: 'F32', shape: [64] },
  ]);
  // an entry of the list: name, dimensions (4), the one dimension (8), type (4), offset (8)
  const shape = file.indexOf('second') + 'second'.length + 4;
  const type = shape + 8;
  const overlapping = Buffer.from(file);
  overlapping.writeBigUInt64LE(32n, type + 4);
  await refuses(await written('overlapping.gguf', overlapping), 'DAMAGED_GGUF');
  const torn = Buffer.from(file);
  torn.writeUInt32LE(2, type); // Q4_0, whose rows are multiples of 32
  torn.writeBigUInt64LE(33n, shape);
  await refuses(await written('torn.gguf', torn), 'DAMAGED_GGUF');
  const future = Buffer.from(file);
  future.writeUInt32LE(77, 4);
  await refuses(await written('future.gguf', future), 'DAMAGED_GGUF');
});

test('a type that is not known: the size follows from where the next tensor begins, and it is told', async () => {
  const path = writeGguf(join(folder, 'strange.gguf'), {
    keys: { 'general.architecture': 'llama', 'llama.block_count': 1 },
    tensors: [
      { name: 'token_embd.weight', shape: [64, 10] },
      { name: 'blk.0.ffn_down.weight', shape: [512, 4], type: 156, bytes: 824 },
      { name: 'blk.0.ffn_up_exps.weight', shape: [64, 4, 3], type: 1999, bytes: 500 },
    ],
  });
  const model = await readModel(path);
  assert.deepEqual(
    model.tensors.map(({ type, bytes }) => [type, bytes]),
    [
      ['F16', 1280],
      ['type 156', 832],
      ['type 1999', 512],
    ],
  );
  assert.equal(model.notes.length, 1);
  assert.match(
    model.notes[0] as string,
    /2 tensors \(blk\.0\.ffn_down\.weight, \.\.\.\).*type 156, type 1999/,
  );
  const slices = modelRegions(model).filter(({ expert }) => expert !== null);
  assert.deepEqual(
    slices.map(({ bytes }) => bytes),
    [170, 170, 172],
  );
});

test('no length is too long but what the file has no room for', async () => {
  const texts = Array.from({ length: 1_200_000 }, (_, i) => `token ${i}`);
  const long = {
    keys: {
      'tokenizer.chat_template': 'x'.repeat(11 * 2 ** 20),
      'tokenizer.ggml.tokens': texts,
      'tokenizer.ggml.token_type': Array.from(texts, () => 1),
      'padding.a': 'y'.repeat(40 * 2 ** 20),
      'general.architecture': 'llama',
      'llama.block_count': 2,
      'general.name': 'large',
    },
    tensors: [{ name: `blk.0.attn_q.${'w'.repeat(2 ** 20)}`, shape: [64, 32] }],
  };
  const path = writeGguf(join(folder, 'long.gguf'), long);
  const started = performance.now();
  const model = await readModel(path);
  const tookMs = performance.now() - started;
  assert.deepEqual([model.name, model.layers, model.tensors.length], ['large', 2, 1]);
  assert.ok((model.parts[0]?.metadataBytes ?? 0) > 50 * 2 ** 20);
  assert.equal(model.tensors[0]?.bytes, 4096);
  assert.ok(tookMs < 3000, `${tookMs} ms`);
  const file = ggufFile({ keys: { 'general.name': 'n' }, tensors: [] });
  file.writeBigUInt64LE(2n ** 40n, file.indexOf('general.name') + 'general.name'.length + 4);
  await refuses(await written('absurd.gguf', file), 'TRUNCATED_GGUF');
});

test('versions 1 to 3, either byte order, other alignments', async () => {
  for (const form of [{ version: 1 }, { version: 2 }, { bigEndian: true }]) {
    const file = { ...modelFile('llama', { block_count: 7 }, layer('blk.0', 'attn_q')), ...form };
    const model = await readModel(writeGguf(join(folder, 'form.gguf'), file));
    assert.deepEqual([model.architecture, model.layers, model.tensors[0]?.bytes], ['llama', 7, 4096]);
  }
  const keys = { 'general.alignment': 4096, 'general.architecture': 'llama' };
  const model = await readModel(
    writeGguf(join(folder, 'form.gguf'), { keys, tensors: layer('blk.0', 'q', 'k') }),
  );
  assert.deepEqual(
    model.tensors.map(({ offset }) => offset),
    [4096, 8192],
  );
  await refuses(
    writeGguf(join(folder, 'odd.gguf'), { keys: { 'general.alignment': 48 }, tensors: [] }),
    'DAMAGED_GGUF',
  );
});

test('a split model is all its parts, whichever is named', async () => {
  const first = fileOf([{ name: 'token_embd.weight', type: 'F16', shape: [32, 10] }]);
  const second = fileOf([
    { name: 'blk.0.attn_q.weight', type: 'F16', shape: [32, 32] },
    { name: 'output.weight', type: 'F16', shape: [32, 10] },
  ]);
  const paths = [
    await written('split-00001-of-00002.gguf', first),
    await written('split-00002-of-00002.gguf', second),
  ];
  for (const path of paths) {
    const model = await readModel(path);
    assert.equal(model.path, paths[0]);
    assert.deepEqual(
      model.parts.map((part) => [part.path, part.bytes]),
      [
        [paths[0], first.length],
        [paths[1], second.length],
      ],
    );
    assert.equal(model.bytes, first.length + second.length);
    assert.deepEqual(
      model.tensors.map(({ part, name }) => [part, name]),
      [
        [0, 'token_embd.weight'],
        [1, 'blk.0.attn_q.weight'],
        [1, 'output.weight'],
      ],
    );
  }
});

test('a split model that lacks a part says which', async () => {
  const only = join(folder, 'lonely-00001-of-00002.gguf');
  await copyFile(join(folder, 'split-00001-of-00002.gguf'), only);
  await refuses(only, 'ENOENT', join(folder, 'lonely-00002-of-00002.gguf'));
});

// Layouts that nobody has reported yet, of the kinds that people did: each as it could lie on somebody's disk.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Model, readModel } from '../../../src/model/gguf.js';
import { modelRegions } from '../../../src/model/regions.js';
import { tensorUses, touchedBytes } from '../../../src/model/uses.js';
import { native } from '../../../src/native/binding.js';
import { planPins } from '../../../src/pin/pin-plan.js';
import { layer, type TestFile, type TestTensor, writeGguf } from './gguf-file.js';
import { writeSafetensors } from './safetensors-file.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-layouts-'));
after(() => rmSync(folder, { recursive: true }));

const matrixBytes = 64 * 32 * 2;
const llama = { 'general.architecture': 'llama', 'llama.block_count': 1 };
const embedding: TestTensor = { name: 'token_embd.weight', shape: [64, 32] };
const output: TestTensor = { name: 'output.weight', shape: [64, 32] };

let written = 0;
const model = (file: TestFile) => readModel(writeGguf(join(folder, `${written++}.gguf`), file));

/** Every byte in one region, a pin within its budget, and this much for a token. */
function sound(of: Model, least: number, most = least): void {
  const regions = modelRegions(of).reduce((sum, { bytes }) => sum + bytes, 0);
  assert.equal(regions, of.bytes);
  assert.deepEqual(touchedBytes(of), { least, most });
  const budget = 3 * native.pageBytes();
  assert.ok(planPins(of, budget).bytes <= budget);
}

const kindsOf = (of: Model) => [...tensorUses(of).values()].map(({ kind }) => kind);

/** A model of two parts under these names, the split told by keys alone. */
function parts(names: readonly string[], inFolder: string): string[] {
  const tensors = [[embedding], [...layer('blk.0', 'attn_q'), output]];
  return names.map((name, no) =>
    writeGguf(join(folder, inFolder, name), {
      keys: { ...(no === 0 ? llama : {}), 'split.no': no, 'split.count': 2, 'split.tensors.count': 3 },
      tensors: tensors[no] as TestTensor[],
    }),
  );
}
const ofParts = matrixBytes * 2 + matrixBytes / 32;

test('types that nobody knows: the last of a file, and two that follow each other', async () => {
  const strange = (name: string, type: number, bytes: number) => ({ name, shape: [64, 32], type, bytes });
  const last = await model({ keys: llama, tensors: [embedding, strange('blk.0.attn_q.weight', 199, 1000)] });
  sound(last, matrixBytes + 1024);
  const two = await model({
    keys: llama,
    tensors: [strange('blk.0.attn_k.weight', 250, 992), strange('blk.0.attn_q.weight', 199, 1000), output],
  });
  sound(two, 992 + 1024 + matrixBytes);
  assert.match(two.notes[0] ?? '', /^2 tensors .*type 250, type 199/);
});

test("blobs without suffix: ollama's, and the parts of a quantisation's own folder in Hugging Face's cache", async () => {
  const blob = join(folder, 'blobs', `sha256-${'a'.repeat(64)}`);
  sound(
    await readModel(writeGguf(blob, { keys: llama, tensors: [embedding, output] })),
    matrixBytes * 1 + 128,
  );
  const cache = 'hub/models--x--y';
  const hashes = ['0', '1'].map((first) => first + 'b'.repeat(63));
  const blobs = parts(hashes, join(cache, 'blobs'));
  const snapshot = join(folder, cache, 'snapshots/rev/Q4_K_M');
  mkdirSync(snapshot, { recursive: true });
  for (const [i, hash] of hashes.entries())
    symlinkSync(`../../../blobs/${hash}`, join(snapshot, `m-0000${i + 1}-of-00002.gguf`));
  for (const path of [join(snapshot, 'm-00002-of-00002.gguf'), blobs[1] as string]) {
    const found = await readModel(path);
    assert.equal(found.parts.length, 2, path);
    sound(found, ofParts);
  }
});

test('parts that somebody has given names of his own', async () => {
  for (const [i, names] of [
    ['first.bin', 'zweiter teil.gguf'],
    ['b.gguf', 'a.gguf'],
    ['model', 'model (1)'],
  ].entries()) {
    const [, second] = parts(names, `renamed-${i}`);
    const found = await readModel(second as string);
    assert.deepEqual(
      found.parts.map(({ path }) => path.split('/').at(-1)),
      names,
      'in the order of their keys',
    );
    sound(found, ofParts);
  }
});

test('a chat template of 20 MB, a vocabulary of 200,000, names of any length and content', async () => {
  const keys = {
    ...llama,
    'tokenizer.chat_template': 'x'.repeat(20e6),
    'tokenizer.ggml.tokens': Array.from({ length: 200_000 }, (_, i) => `t${i}`),
  };
  sound(await model({ keys, tensors: [embedding, output] }), matrixBytes + 128);
  const odd = [`blk.0.${'q'.repeat(300)}.weight`, 'blk.0.\x1b[31m\u202e.weight', ''];
  sound(
    await model({ keys: llama, tensors: odd.map((name) => ({ name, shape: [64, 32] })) }),
    0,
    3 * matrixBytes,
  );
});

test('experts that the keys do not tell of, or tell wrongly', async () => {
  const stack = (of: number, n = 0) => ({ name: `blk.${n}.ffn_up_exps.weight`, shape: [64, 32, of] });
  const moe = (own: Record<string, number>, ...tensors: TestTensor[]) =>
    model({
      keys: {
        'general.architecture': 'moe',
        ...Object.fromEntries(Object.entries(own).map(([key, value]) => [`moe.${key}`, value])),
      },
      tensors,
    });
  sound(
    await moe({ block_count: 2, expert_count: 8 }, stack(8), stack(16, 1)),
    2 * matrixBytes,
    24 * matrixBytes,
  );
  sound(await moe({ block_count: 1, expert_count: 4, expert_used_count: 9 }, stack(4)), 4 * matrixBytes);
  sound(await moe({ expert_count: 0, expert_used_count: 0 }, stack(4)), matrixBytes, 4 * matrixBytes);
  const bare = await model({ tensors: [stack(4), ...layer('blk.3', 'attn_q')] });
  sound(bare, 2 * matrixBytes, 5 * matrixBytes);
  assert.equal(bare.layers, 4, 'by their names');
});

test('five stacks in one file', async () => {
  const names = ['enc.blk.0.attn_q', 'dec.blk.0.attn_q', 'v.blk.0.attn_q', 'a.blk.0.ffn_up', 'mm.0'];
  const keys = { 'general.architecture': 't5', 't5.block_count': 1 };
  const five = await model({
    keys,
    tensors: names.map((name) => ({ name: `${name}.weight`, shape: [64, 32] })),
  });
  sound(five, matrixBytes);
  assert.deepEqual(kindsOf(five), ['none', 'whole', 'none', 'none', 'none']);
});

test('tensors of no weights, of one, and a layer far beyond what the keys count', async () => {
  const none = { name: 'blk.0.attn_q.weight', shape: [64, 0], bytes: 0 };
  sound(
    await model({ keys: llama, tensors: [none, { name: 'blk.0.attn_k.weight', shape: [] }, output] }),
    matrixBytes + 2,
  );
  sound(await model({ keys: llama, tensors: [] }), 0);
  sound(
    await model({ keys: llama, tensors: [...layer('blk.70000', 'attn_q'), ...layer('blk.0', 'attn_q')] }),
    2 * matrixBytes,
  );
});

test('safetensors: an index that lacks a tensor, an adapter beside them, a file that only is called so', async () => {
  const path = (name: string) => join(folder, 'shards', name);
  writeSafetensors(path('model-00001-of-00002.safetensors'), [
    { name: 'model.embed_tokens.weight', shape: [100, 64] },
  ]);
  const second = writeSafetensors(path('model-00002-of-00002.safetensors'), [
    { name: 'model.layers.0.self_attn.q_proj.weight', shape: [64, 64] },
    { name: 'lm_head.weight', shape: [100, 64] },
    { name: 'model.layers.1.mtp.eh_proj.weight', shape: [8, 8] },
  ]);
  const adapter = writeSafetensors(path('adapter_model.safetensors'), [
    { name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight', shape: [8, 64] },
  ]);
  writeFileSync(
    path('model.safetensors.index.json'),
    JSON.stringify({
      weight_map: {
        'model.embed_tokens.weight': 'model-00001-of-00002.safetensors',
        'lm_head.weight': 'model-00002-of-00002.safetensors',
      },
    }),
  );
  const found = await readModel(second);
  assert.equal(found.parts.length, 2);
  sound(found, 2 * 64 + 2 * 64 * 64 + 2 * 100 * 64);
  const beside = await readModel(adapter);
  assert.equal(beside.parts.length, 1);
  sound(beside, 0);
  writeFileSync(path('x.safetensors'), '0000000000');
  await assert.rejects(readModel(path('x.safetensors')), /neither a GGUF file .* nor one of safetensors/);
  await assert.rejects(readModel(join(folder, 'shards')), /name the \.gguf or \.safetensors file itself/);
});

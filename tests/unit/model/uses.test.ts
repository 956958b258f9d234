import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Model, readModel } from '../../../src/model/gguf.js';
import { tensorPlace } from '../../../src/model/roles.js';
import { tensorUses, touchedByRole, touchedBytes, usedRegions } from '../../../src/model/uses.js';
import { planPins } from '../../../src/pin/pin-plan.js';
import { layer, modelFile, type TestTensor, type TestValue, writeGguf } from './gguf-file.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-uses-'));
after(() => rmSync(folder, { recursive: true }));

let made = 0;

function model(architecture: string, own: Record<string, TestValue>, tensors: TestTensor[]): Promise<Model> {
  return readModel(writeGguf(join(folder, `${made++}.gguf`), modelFile(architecture, own, tensors)));
}

const embedding: TestTensor = { name: 'token_embd.weight', shape: [64, 100] };
const output: TestTensor = { name: 'output.weight', shape: [64, 100] };
const [rowBytes, tableBytes, matrixBytes] = [128, 12_800, 4096];

/** The kind of use of each tensor, by name. */
function kinds(of: Model): Record<string, string> {
  return Object.fromEntries([...tensorUses(of)].map(([name, { kind }]) => [name, kind]));
}

function exactly(of: Model, bytes: number): void {
  assert.deepEqual(touchedBytes(of), { least: bytes, most: bytes });
}

test('every name that gguf-py and llama.cpp know has its role, none is other', () => {
  const path = new URL('../../fixtures/tensor-names/roles.json', import.meta.url);
  const roles = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string[]>;
  assert.equal(roles.other, undefined);
  assert.ok(Object.values(roles).flat().length > 430);
  for (const [role, names] of Object.entries(roles)) {
    for (const name of names) {
      const own = name.replace('{bid}', '3').replace('{xid}', '1');
      const place = tensorPlace(/\.lora_|\.weight/.test(own) ? own : `${own}.weight`);
      assert.equal(place.role, role, name);
      if (name.includes('blk.{bid}')) assert.equal(place.layer, 3, name);
    }
  }
});

test('a table of which a token reads a row counts as one row, unless the output shares it', async () => {
  const perLayer = { name: 'per_layer_token_embd.weight', shape: [256, 10] };
  const tied = await model('gemma3n', { block_count: 1 }, [{ ...embedding, shape: [64, 10] }, perLayer]);
  exactly(tied, 1280 + 512);
  const untied = await model('gemma3n', { block_count: 1 }, [embedding, perLayer, output]);
  exactly(untied, rowBytes + 512 + tableBytes);
  const positions = { name: 'position_embd.weight', shape: [64, 50] };
  exactly(await model('gpt2', { block_count: 1 }, [embedding, positions, output]), 2 * rowBytes + tableBytes);
  const types = { name: 'token_types.weight', shape: [64, 2] };
  const bert = await model('bert', { block_count: 1 }, [
    embedding,
    positions,
    types,
    ...layer('blk.0', 'attn_q'),
  ]);
  exactly(bert, 3 * rowBytes + matrixBytes);
  const hashed = { name: 'blk.0.ffn_gate_tid2eid.weight', shape: [8, 100] };
  exactly(
    await model('deepseek4', { block_count: 1 }, [embedding, output, hashed]),
    rowBytes + tableBytes + 16,
  );
});

test('tables of n-grams give as many rows as the weights behind them are wide, or their keys say', async () => {
  const engram = await model('deepseek41', { block_count: 2 }, [
    embedding,
    output,
    { name: 'blk.1.engram_embd.weight', shape: [32, 5000] },
    { name: 'blk.1.engram_wkv.weight', shape: [32 * 16, 64] },
  ]);
  exactly(engram, rowBytes + tableBytes + 16 * 64 + 2 * 32 * 16 * 64);
  const byLength = await model('made-up', { block_count: 2 }, [
    output,
    { name: 'blk.1.engram_embd.0.weight', shape: [32, 5000] },
    { name: 'blk.1.engram_embd.1.weight', shape: [32, 5000] },
    { name: 'blk.1.engram_value.weight', shape: [64, 64] },
  ]);
  exactly(byLength, tableBytes + 2 * 64 + 2 * 64 * 64);
  const keys = { block_count: 2, 'ple.ngram_size': 3, 'ple.heads_per_ngram': 8 };
  const ngrams = { name: 'per_layer_token_embd.weight', shape: [160, 2000] };
  exactly(await model('qwen4exp', keys, [embedding, output, ngrams]), rowBytes + tableBytes + 16 * 320);
  const untold = await model('made-up', { block_count: 2 }, [
    output,
    { name: 'blk.1.ngram_embd.weight', shape: [32, 50] },
  ]);
  assert.deepEqual(touchedBytes(untold), { least: tableBytes + 64, most: tableBytes + 3200 });
});

test('what only another path uses is no part of what a token uses', async () => {
  const text = [embedding, output, ...layer('blk.0', 'attn_q', 'ffn_up')];
  const others: TestTensor[][] = [
    layer('v.blk.0', 'attn_q', 'ffn_up'),
    layer('a.blk.0', 'attn_q'),
    layer('mm', 'input_projection', '0', 'a.fc'),
    layer('resampler', 'proj'),
    layer('v', 'patch_embd', 'sam.blk.0.attn.qkv'),
    layer('blk.0', 'vis_attn_qkv', 'vis_up'),
    layer('enc.blk.0', 'attn_q', 'ffn_up'),
    layer('enc', 'output_norm'),
    [{ name: 'blk.0.attn_q.weight.lora_a', shape: [64, 8] }],
  ];
  const alone = rowBytes + tableBytes + 2 * matrixBytes;
  for (const tower of others) {
    const both = await model('gemma3', { block_count: 1 }, [...text, ...tower]);
    exactly(both, alone);
    assert.ok(
      tower.every(({ name }) => kinds(both)[name] === 'none'),
      tower[0]?.name,
    );
  }
});

test('layers of several stacks are told apart', async () => {
  const t5 = await model('t5', { block_count: 1 }, [
    embedding,
    ...layer('enc.blk.0', 'attn_q'),
    ...layer('dec.blk.0', 'attn_q', 'cross_attn_k', 'cross_attn_rel_b'),
    output,
  ]);
  exactly(t5, rowBytes + 2 * matrixBytes + tableBytes);
  const stacks = usedRegions(t5).map(({ region }) => [region.stack, region.layer]);
  assert.deepEqual(stacks, [
    ['', null],
    ['enc', 0],
    ['dec', 0],
    ['dec', 0],
    ['dec', 0],
    ['', null],
  ]);
  const encoder = await model('t5encoder', { block_count: 1 }, [embedding, ...layer('enc.blk.0', 'attn_q')]);
  exactly(encoder, rowBytes + matrixBytes);
});

test('the last layers that only guess further tokens are not walked, unless they are all there is', async () => {
  const attention = (n: number) => layer(`blk.${n}`, 'attn_q');
  const next = layer('blk.2', 'nextn.eh_proj', 'nextn.shared_head_head');
  const all = [embedding, output, ...attention(0), ...attention(1), ...attention(2), ...next];
  const walked = rowBytes + tableBytes + 2 * matrixBytes;
  exactly(await model('glm4moe', { block_count: 3, nextn_predict_layers: 1 }, all), walked);
  // a converter that forgot the key left the tensors' names
  exactly(await model('glm4moe', { block_count: 3 }, all), walked);
  const plain = all.filter(({ name }) => !name.includes('nextn'));
  exactly(await model('glm4moe', { block_count: 3 }, plain), walked + matrixBytes);
  const head = await model('glm4moe', { block_count: 1, nextn_predict_layers: 1 }, [...attention(0)]);
  exactly(head, matrixBytes);
  const eagle = [...attention(0), { name: 'fc.weight', shape: [64, 32] }, { name: 'd2t', shape: [100] }];
  assert.equal(kinds(await model('eagle3', { block_count: 1 }, eagle))['fc.weight'], 'whole');
});

test('layers that guess are known by whatever key counts them, within block_count or beyond it', async () => {
  const attention = (n: number) => layer(`blk.${n}`, 'attn_q');
  const all = [embedding, output, ...attention(0), ...attention(1), ...attention(2)];
  const walked = rowBytes + tableBytes + 2 * matrixBytes;
  for (const key of [
    'nextn_predict_layers',
    'num_nextn_predict_layers',
    'mtp_num_hidden_layers',
    'num_mtp_modules',
  ])
    exactly(await model('some-moe', { block_count: 3, [key]: 1 }, all), walked);
  exactly(await model('some-moe', { block_count: 2, nextn_predict_layers: 1 }, all), walked);
  exactly(await model('some-moe', { block_count: 3, nextn_predict_layers: 2 }, all), walked - matrixBytes);
  exactly(await model('some-moe', { block_count: 3, nextn_predict_layers: 0 }, all), walked + matrixBytes);
  exactly(await model('some-moe', { block_count: 3, mtp_loss_weight: 1 }, all), walked + matrixBytes);
  // stripped of its head: the key still counts it
  exactly(await model('some-moe', { block_count: 4, nextn_predict_layers: 1 }, all), walked + matrixBytes);
  const beside = [...all, { name: 'mtp.fc.weight', shape: [64, 32] }];
  exactly(await model('some-moe', { block_count: 3, mtp_num_layers: 1 }, beside), walked + matrixBytes);
});

test('layers that share the keys and values of others do not use what would make them', async () => {
  const makes = (n: number) => layer(`blk.${n}`, 'attn_q', 'attn_k', 'attn_v');
  const shared = await model('gemma4', { block_count: 2, 'attention.shared_kv_layers': 1 }, [
    output,
    ...makes(0),
    ...makes(1),
  ]);
  exactly(shared, tableBytes + 4 * matrixBytes);
});

test('experts: how many a token uses is a range where the file does not say', async () => {
  const experts = { name: 'blk.0.ffn_up_exps.weight', shape: [64, 32, 8] };
  const bytes = 8 * matrixBytes;
  const known = await model('mixtral', { block_count: 1, expert_count: 8, expert_used_count: 2 }, [
    output,
    experts,
  ]);
  exactly(known, tableBytes + bytes / 4);
  const untold = await model('mixtral', { block_count: 1, expert_count: 8 }, [output, experts]);
  assert.deepEqual(untold.experts, { count: 8, used: null });
  assert.deepEqual(touchedBytes(untold), { least: tableBytes + bytes / 8, most: tableBytes + bytes });
  const silent = await model('mixtral', { block_count: 1 }, [output, experts]);
  assert.deepEqual(silent.experts, { count: 8, used: null });
  assert.equal(usedRegions(silent).filter(({ region }) => region.expert !== null).length, 8);
  const single = Array.from({ length: 4 }, (_, i) => layer('blk.0', `ffn_up.${i}`)).flat();
  const old = await model('llama', { block_count: 1, expert_count: 4, expert_used_count: 2 }, [
    output,
    ...single,
  ]);
  exactly(old, tableBytes + 2 * matrixBytes);
  const shared = { name: 'blk.0.ffn_up_chexps.weight', shape: [64, 32, 4] };
  const grove = await model('grovemoe', { block_count: 1, expert_count: 8, expert_used_count: 2 }, [
    output,
    shared,
  ]);
  assert.deepEqual(touchedBytes(grove), {
    least: tableBytes + matrixBytes,
    most: tableBytes + 2 * matrixBytes,
  });
});

test('a tensor that nobody knows widens the range', async () => {
  const strange = await model('made-up', { block_count: 1 }, [
    output,
    ...layer('blk.0', 'attn_q', 'quantum_flux'),
  ]);
  assert.deepEqual(touchedBytes(strange), {
    least: tableBytes + matrixBytes,
    most: tableBytes + 2 * matrixBytes,
  });
  assert.deepEqual(touchedByRole(strange).get('other'), { least: 0, most: matrixBytes });
});

test("layers by another program's names, and one of two lists: nobody knows what a token uses", async () => {
  const names = [
    'encoder.blocks.0.attn.query',
    'decoder.blocks.0.attn.query',
    'double_blocks.0.img_attn.qkv',
  ];
  const foreign = await model(
    'whisper',
    {},
    names.map((name) => ({ name: `${name}.weight`, shape: [64, 32] })),
  );
  assert.deepEqual(touchedBytes(foreign), { least: 0, most: 3 * matrixBytes });
  const rope = ['long', 'short'].map((which) => ({ name: `rope_factors_${which}.weight`, shape: [64] }));
  const phi = await model('phi3', { block_count: 1 }, [output, ...rope]);
  assert.deepEqual(touchedBytes(phi), { least: tableBytes, most: tableBytes + 2 * rowBytes });
});

test('a file without weights uses nothing, and no figure of it is NaN', async () => {
  const vocabulary = await model('llama', { block_count: 0 }, []);
  exactly(vocabulary, 0);
  const plan = planPins(vocabulary, 1000);
  assert.deepEqual([plan.bytes, plan.touchedBytes, plan.savedBytes], [0, 0, 0]);
});

test('a pin spends nothing on rows that are not read, nor on what other paths use', async () => {
  const mixed = await model('gemma3n', { block_count: 1 }, [
    embedding,
    { name: 'per_layer_token_embd.weight', shape: [256, 1000] },
    ...layer('v.blk.0', 'attn_q'),
    ...layer('blk.0', 'attn_q', 'made_up'),
    output,
  ]);
  const needed = tableBytes + matrixBytes;
  const held = (budget: number) => planPins(mixed, budget).tensors.map(({ name }) => name);
  assert.deepEqual(held(needed), ['blk.0.attn_q.weight', 'output.weight']);
  assert.equal(
    planPins(mixed, 400_000).bytes,
    needed + matrixBytes + tableBytes,
    'the small table fits whole',
  );
  assert.deepEqual(held(mixed.bytes).slice(2), [
    'blk.0.made_up.weight',
    'token_embd.weight',
    'per_layer_token_embd.weight',
  ]);
  assert.ok(!held(2 * mixed.bytes).includes('v.blk.0.attn_q.weight'));
});

import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { argumentFiles } from '../../../src/experiment/argument-files.js';
import { modelsOf, readModel } from '../../../src/model/gguf.js';
import { modelFiles } from '../../../src/model/model-files.js';
import { modelRegions } from '../../../src/model/regions.js';
import { placeOf, tensorPlace } from '../../../src/model/roles.js';
import { isSafetensors } from '../../../src/model/safetensors.js';
import { ggufName } from '../../../src/model/tensor-names.js';
import { tensorUses, touchedBytes } from '../../../src/model/uses.js';
import { safetensorsHeader, writeSafetensors, writeSharded } from './safetensors-file.js';

let folder: string;
before(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'blkscope-safetensors-')));
});
after(() => rmSync(folder, { recursive: true }));

const layer = (n: number) => [
  { name: `model.layers.${n}.input_layernorm.weight`, shape: [64] },
  { name: `model.layers.${n}.self_attn.q_proj.weight`, shape: [64, 64] },
  { name: `model.layers.${n}.block_sparse_moe.gate.weight`, shape: [4, 64] },
  ...[0, 1, 2, 3].map((e) => ({
    name: `model.layers.${n}.block_sparse_moe.experts.${e}.w1.weight`,
    shape: [32, 64],
  })),
];
const shards = [
  [{ name: 'model.embed_tokens.weight', shape: [100, 64] }, ...layer(0)],
  [...layer(1), { name: 'model.norm.weight', shape: [64] }, { name: 'lm_head.weight', shape: [100, 64] }],
];
const config = { model_type: 'mixtral', num_hidden_layers: 2, num_local_experts: 4, num_experts_per_tok: 2 };

test('a model of two files by its index: regions to the byte, layers, experts, what a token uses', async () => {
  const paths = writeSharded(join(folder, 'mixtral'), shards, config);
  for (const path of paths) {
    assert.deepEqual(
      modelFiles(path).map((file) => file.path),
      paths,
      'whichever is named',
    );
    const model = await readModel(path);
    assert.deepEqual(
      model.parts.map((part) => part.path),
      paths,
    );
    const { architecture, layers, experts, fileType, format, notes } = model;
    assert.deepEqual(
      { architecture, layers, experts, fileType, format, notes },
      {
        architecture: 'mixtral',
        layers: 2,
        experts: { count: 4, used: 2 },
        fileType: 'BF16',
        format: 'safetensors',
        notes: [],
      },
    );
    const regions = modelRegions(model);
    assert.equal(
      regions.reduce((sum, { bytes }) => sum + bytes, 0),
      model.bytes,
    );
    assert.deepEqual(
      regions.find(({ tensor }) => tensor === 'model.layers.1.block_sparse_moe.experts.3.w1.weight'),
      {
        part: 1,
        offset: regions.find(({ tensor }) => tensor?.includes('1.block_sparse_moe.experts.3'))?.offset,
        bytes: 4096,
        tensor: 'model.layers.1.block_sparse_moe.experts.3.w1.weight',
        stack: '',
        layer: 1,
        role: 'experts',
        expert: 3,
      },
    );
    const uses = tensorUses(model);
    assert.deepEqual(uses.get('model.embed_tokens.weight'), { kind: 'rows', of: 100, least: 1, most: 1 });
    // a row of the table, two of four experts, all else
    const each = 64 + 64 * 64 + 4 * 64 + 2 * 32 * 64;
    assert.deepEqual(touchedBytes(model), {
      least: 2 * (64 + 2 * each + 64 + 6400),
      most: 2 * (64 + 2 * each + 64 + 6400),
    });
  }
  assert.deepEqual(
    (await modelsOf(paths)).map(({ parts }) => parts.length),
    [2],
  );
  const told: string[] = [];
  assert.deepEqual(await modelsOf([paths[0] as string], (_, error) => told.push(error.message)), []);
  assert.match(told[0] ?? '', /is one of 2 parts, and 1 of them are not among the files/);
  assert.deepEqual(
    await argumentFiles(['python3', 'generate.py', join(folder, 'mixtral')]),
    paths,
    'a folder stands for it',
  );
});

test("a blob of Hugging Face's cache, as a process has it open: its parts are found by the links", async () => {
  const cache = join(folder, 'models--x--y');
  const paths = writeSharded(join(cache, 'snapshots', 'abc'), shards, config);
  mkdirSync(join(cache, 'blobs'));
  const blobs = paths.map((path, i) => {
    const blob = join(cache, 'blobs', `${i}`.repeat(64));
    renameSync(path, blob);
    symlinkSync(join('..', '..', 'blobs', `${i}`.repeat(64)), path);
    return blob;
  });
  assert.ok(blobs.every(isSafetensors));
  assert.deepEqual(
    modelFiles(blobs[1] as string).map(({ path }) => path),
    blobs,
  );
  const model = await readModel(blobs[1] as string);
  assert.equal(model.architecture, 'mixtral');
  assert.equal(model.tensors.length, shards.flat().length);
});

test('a tied table is used whole; without config.json shapes and names tell, and it is said', async () => {
  const path = writeSafetensors(join(folder, 'alone', 'model.safetensors'), [
    { name: 'transformer.wte.weight', shape: [50, 8] },
    { name: 'transformer.h.0.attn.c_attn.weight', shape: [8, 24] },
    { name: 'transformer.h.0.mlp.experts.gate_up_proj', shape: [4, 8, 16] },
    { name: 'transformer.h.0.mlp.experts.gate_up_proj_bias', shape: [4, 16] },
  ]);
  const model = await readModel(path);
  assert.deepEqual(tensorUses(model).get('transformer.wte.weight'), { kind: 'whole' });
  assert.deepEqual(model.experts, { count: 4, used: null });
  assert.equal(modelRegions(model).filter(({ expert }) => expert === 3).length, 2);
  assert.match(model.notes[0] ?? '', /no config\.json beside it/);
});

describe('what a token uses, by the names of other families', () => {
  type Shapes = Record<string, number[]>;
  const table = [50, 8]; // 800 bytes, a row of 16
  const matrix = [8, 8]; // 128 bytes
  const families: Record<string, [config: Record<string, unknown>, tensors: Shapes, bytes: number]> = {
    'Granite: experts without the word': [
      { model_type: 'granitemoehybrid', num_local_experts: 4, num_experts_per_tok: 1 },
      {
        'model.embed_tokens.weight': table,
        'model.layers.0.block_sparse_moe.input_linear.weight': [4, 8, 8],
        'model.layers.0.block_sparse_moe.output_linear.weight': [4, 8, 8],
        'model.layers.0.shared_mlp.input_linear.weight': matrix,
      },
      800 + 3 * 128,
    ],
    'ChatGLM: an encoder that is the only stack, an output of its own': [
      { model_type: 'chatglm' },
      {
        'transformer.embedding.word_embeddings.weight': table,
        'transformer.encoder.layers.0.self_attention.query_key_value.weight': matrix,
        'transformer.output_layer.weight': table,
      },
      16 + 128 + 800,
    ],
    'DeepSeek: its own names, a table that chooses experts by the token': [
      { model_type: 'deepseek_v4', n_routed_experts: 2, num_experts_per_tok: 1 },
      {
        'embed.weight': table,
        'layers.0.ffn.gate.tid2eid': [50, 2],
        'layers.0.ffn.experts.0.w1.weight': matrix,
        'layers.0.ffn.experts.1.w1.weight': matrix,
        'mtp.0.ffn.experts.0.w1.weight': matrix,
        'head.weight': table,
      },
      16 + 4 + 128 + 800,
    ],
    'a layer that guesses, without config.json to say so': [
      {},
      {
        'model.layers.0.self_attn.q_a_proj.weight': matrix,
        'model.layers.1.eh_proj.weight': [8, 16],
        'model.layers.1.self_attn.q_a_proj.weight': matrix,
        'lm_head.weight': table,
      },
      128 + 800,
    ],
    'Qwen Omni: what speaks is another model': [
      { model_type: 'qwen3_omni_moe' },
      {
        'thinker.model.layers.0.self_attn.q_proj.weight': matrix,
        'thinker.lm_head.weight': table,
        'talker.model.layers.0.self_attn.q_proj.weight': matrix,
        'talker.codec_head.weight': table,
        'code2wav.decoder.1.weight': matrix,
      },
      128 + 800,
    ],
    'Whisper: an encoder and what lies outside its layers': [
      { model_type: 'whisper' },
      {
        'model.encoder.conv1.weight': matrix,
        'model.encoder.embed_positions.weight': table,
        'model.encoder.layers.0.fc1.weight': matrix,
        'model.decoder.embed_tokens.weight': table,
        'model.decoder.embed_positions.weight': table,
        'model.decoder.layers.0.encoder_attn.k_proj.weight': matrix,
      },
      800 + 16 + 128,
    ],
    'positions beside a tied table': [
      { model_type: 'made-up' },
      {
        'transformer.embeddings.word_embeddings.weight': table,
        'transformer.embeddings.position_embeddings.weight': table,
        'transformer.h.0.attn.c_attn.weight': matrix,
      },
      800 + 16 + 128,
    ],
  };
  for (const [name, [own, tensors, bytes]] of Object.entries(families)) {
    test(name, async () => {
      const shard = Object.entries(tensors).map(([tensor, shape]) => ({ name: tensor, shape }));
      const [path] = writeSharded(join(folder, name), [shard], own);
      assert.deepEqual(touchedBytes(await readModel(path as string)), { least: bytes, most: bytes });
    });
  }
});

describe('damaged files are one clear line', () => {
  const good = { dtype: 'F16', shape: [4], data_offsets: [0, 8] };
  const cases: Record<string, [bytes: Buffer, pattern: RegExp]> = {
    short: [Buffer.from('abc'), /has 3 bytes/],
    long: [
      Buffer.from('ffffffffff7f00007b7d', 'hex'),
      /list of tensors takes \d+ bytes, and the format allows 100000000/,
    ],
    past: [
      Buffer.concat([Buffer.from('e803000000000000', 'hex'), Buffer.from('{"a":1}')]),
      /would take 1000 bytes, and 7 follow/,
    ],
    json: [Buffer.concat([Buffer.from('0300000000000000', 'hex'), Buffer.from('{"a')]), /is no JSON/],
    entry: [
      safetensorsHeader({ x: { dtype: 'F16', shape: [4] } }),
      /the entry of "x" lacks a dtype, a shape or its data_offsets/,
    ],
    size: [
      Buffer.concat([safetensorsHeader({ x: { ...good, data_offsets: [0, 6] } }), Buffer.alloc(8)]),
      /4 weights of F16 and 6 bytes/,
    ],
    overlap: [
      Buffer.concat([
        safetensorsHeader({ x: good, y: { ...good, data_offsets: [4, 12] } }),
        Buffer.alloc(12),
      ]),
      /"y" begins inside/,
    ],
    cut: [Buffer.concat([safetensorsHeader({ x: good }), Buffer.alloc(7)]), /lists weights up to byte/],
    control: [
      Buffer.concat([
        safetensorsHeader({ '\u001b[31m': { ...good, data_offsets: [8, 0] } }),
        Buffer.alloc(8),
      ]),
      /"\\u001b\[31m" ends before it begins/,
    ],
  };
  for (const [name, [bytes, pattern]] of Object.entries(cases)) {
    test(name, async () => {
      const path = join(folder, `${name}.safetensors`);
      writeFileSync(path, bytes);
      const { readSafetensorsFile } = await import('../../../src/model/safetensors.js');
      assert.throws(
        () => readSafetensorsFile(path),
        (error: Error & { code: string }) => {
          assert.match(error.message, pattern);
          assert.match(error.code, /^(TRUNCATED|DAMAGED)_SAFETENSORS$/);
          assert.ok(!error.message.includes('\n') && !error.message.includes('\u001b'));
          return true;
        },
      );
    });
  }

  test('one tensor in two parts, and a part that is not there', async () => {
    const twice = writeSharded(
      join(folder, 'twice'),
      [[{ name: 'a', shape: [1] }], [{ name: 'a', shape: [1] }]],
      {},
    );
    writeFileSync(
      join(folder, 'twice', 'model.safetensors.index.json'),
      JSON.stringify({
        weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
      }),
    );
    await assert.rejects(readModel(twice[0] as string), { code: 'SPLIT_MISMATCH' });
    rmSync(twice[1] as string);
    await assert.rejects(readModel(twice[0] as string), { code: 'SPLIT_PART_MISSING' });
  });

  test('types that are not known, padding and rests are taken as they are', async () => {
    const path = join(folder, 'unknown.safetensors');
    writeFileSync(path, safetensorsHeader({ x: { dtype: 'Q9', shape: [3], data_offsets: [8, 13] } }));
    appendFileSync(path, Buffer.alloc(20));
    const model = await readModel(path);
    assert.deepEqual(
      modelRegions(model)
        .map(({ role, bytes }) => [role, bytes])
        .slice(1),
      [
        ['padding', 8],
        ['other', 5],
        ['padding', 7],
      ],
    );
    truncateSync(path, 12);
    assert.equal(isSafetensors(path), false);
  });
});

describe("names by llama.cpp's converters", () => {
  const names: Record<string, string> = {
    'model.embed_tokens.weight': 'token_embd.weight',
    'model.layers.3.self_attn.q_proj.weight': 'blk.3.attn_q.weight',
    'model.layers.3.self_attn.o_proj.bias': 'blk.3.attn_output.bias',
    'model.layers.3.self_attn.kv_a_proj_with_mqa.weight': 'blk.3.attn_kv_a_mqa.weight',
    'model.layers.3.mlp.gate_proj.weight': 'blk.3.ffn_gate.weight',
    'model.layers.3.mlp.down_proj.weight_scale_inv': 'blk.3.ffn_down.weight',
    'model.layers.3.mlp.experts.7.up_proj.weight': 'blk.3.ffn_up.7.weight',
    'model.layers.3.mlp.shared_experts.down_proj.weight': 'blk.3.ffn_down_shexp.weight',
    'model.layers.3.mlp.switch_mlp.gate_proj.scales': 'blk.3.ffn_gate_exps.weight',
    'model.layers.3.mlp.gate.weight': 'blk.3.ffn_gate_inp.weight',
    'lm_head.weight': 'output.weight',
    'layers.0.attention.wq.weight': 'blk.0.attn_q.weight',
    'layers.0.feed_forward.w2.weight': 'blk.0.ffn_down.weight',
    'model.language_model.embed_tokens_per_layer.weight': 'per_layer_token_embd.weight',
  };
  for (const [name, right] of Object.entries(names)) test(name, () => assert.equal(ggufName(name), right));

  const roles: [name: string, role: string, layer: number | null, stack: string][] = [
    ['model.layers.3.post_attention_layernorm.weight', 'norm', 3, ''],
    ['model.layers.3.mlp.gate.e_score_correction_bias', 'router', 3, ''],
    ['model.layers.3.mlp.router.weight', 'router', 3, ''],
    ['model.layers.3.mlp.experts.gate_up_proj_blocks', 'experts', 3, ''],
    ['model.layers.3.linear_attn.in_proj_qkvz.weight', 'attention', 3, ''],
    ['backbone.layers.3.mixer.A_log', 'attention', 3, ''],
    ['transformer.h.5.mlp.c_proj.weight', 'dense-ffn', 5, ''],
    ['gpt_neox.layers.2.attention.query_key_value.weight', 'attention', 2, ''],
    ['model.visual.blocks.0.attn.qkv.weight', 'vision', 0, 'v'],
    ['vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight', 'vision', 0, 'v'],
    ['model.multi_modal_projector.linear_1.weight', 'vision', null, ''],
    ['model.audio_tower.conformer.4.attention.attn.q_proj.weight', 'audio', null, ''],
    ['encoder.block.0.layer.0.SelfAttention.q.weight', 'attention', 0, 'enc'],
    ['decoder.block.0.layer.2.DenseReluDense.wi_0.weight', 'dense-ffn', 0, 'dec'],
    ['mtp.layers.0.self_attn.q_proj.weight', 'draft', null, ''],
    ['base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight', 'adapter', 1, ''],
    ['backbone.layers.3.mixer.up_proj.weight', 'dense-ffn', 3, ''],
    ['backbone.layers.3.mixer.gate.weight', 'router', 3, ''],
    ['transformer.blocks.0.norm_attn_norm.attn.Wqkv.weight', 'attention', 0, ''],
    ['transformer.blocks.0.norm_attn_norm.norm_1.weight', 'norm', 0, ''],
    ['bert.encoder.layer.0.output.dense.weight', 'dense-ffn', 0, 'enc'],
    ['bert.embeddings.LayerNorm.weight', 'norm', null, ''],
    ['model.diffusion_model.double_blocks.0.img_attn.qkv.weight', 'attention', 0, 'double'],
    ['model.diffusion_model.single_blocks.0.linear1.weight', 'other', 0, 'single'],
    ['model.norm.weight', 'norm', null, ''],
    ['transformer.ln_f.bias', 'norm', null, ''],
  ];
  for (const [name, role, layerOf, stack] of roles) {
    test(`${name}: ${role}`, () => {
      const place = placeOf({ name, as: ggufName(name) });
      assert.deepEqual([place.role, place.layer, place.stack], [role, layerOf, stack], ggufName(name));
    });
  }

  test("names of llama.cpp's own are left to GGUF", () =>
    assert.equal(tensorPlace('model.layers.0.x').layer, null));
});

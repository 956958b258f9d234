// A model in safetensors, read by a program of its own in several ways: its reads are told by tensor, layer, role and expert.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openRun, renderReport } from '../../src/index.js';
import { prepareCache } from '../../src/memory/cache-state.js';
import { writeSharded } from '../unit/model/safetensors-file.js';
import { blkscope } from './command-line.js';

const reader = fileURLToPath(new URL('./safetensors-reader.mjs', import.meta.url));
let folder: string;
let paths: string[];

const experts = 4;
const layer = (n: number) => [
  { name: `model.layers.${n}.input_layernorm.weight`, shape: [512] },
  { name: `model.layers.${n}.self_attn.qkv_proj.weight`, shape: [1536, 512] },
  { name: `model.layers.${n}.block_sparse_moe.gate.weight`, shape: [experts, 512] },
  ...Array.from({ length: experts }, (_, e) => ({
    name: `model.layers.${n}.block_sparse_moe.experts.${e}.w1.weight`,
    shape: [1024, 1024],
  })),
];

before(() => {
  folder = mkdtempSync('build/safetensors-test-'); // on a disk
  const config = {
    model_type: 'mixtral',
    num_hidden_layers: 4,
    num_local_experts: experts,
    num_experts_per_tok: 2,
  };
  const shards = [
    [{ name: 'model.embed_tokens.weight', shape: [4096, 512] }, ...layer(0), ...layer(1)],
    [...layer(2), ...layer(3), { name: 'lm_head.weight', shape: [4096, 512] }],
  ];
  paths = writeSharded(join(folder, 'model'), shards, config).map((path) => resolve(path));
  // Weights of holes are on no disk.
  for (const path of paths) fill(path);
});
after(() => rmSync(folder, { recursive: true }));

/** Gives a file's bytes places on the disk. */
function fill(path: string): void {
  writeFileSync(path, readFileSync(path), { flush: true });
}

async function recorded(name: string, mode: string, given: string, env: NodeJS.ProcessEnv = {}) {
  await prepareCache('cold', paths);
  const output = join(folder, name);
  const command = [process.execPath, reader, given, mode, '2'];
  const { exitCode, stderr } = await blkscope(
    ['record', '--source', 'ftrace', '--mount', '-o', output, '--', ...command],
    { env },
  );
  assert.equal(exitCode, 0, stderr);
  assert.doesNotMatch(stderr, /not told apart/);
  await using run = await openRun(output);
  const printed = /read (\d+) bytes/.exec(readFileSync(join(output, 'workload.log'), 'utf8'))?.[1];
  return { summary: run.summary, readBytes: Number(printed) };
}

const ways: { name: string; mode: string; env?: NodeJS.ProcessEnv }[] = [
  { name: 'read calls', mode: 'pread' },
  { name: 'past the page cache', mode: 'direct' },
  { name: 'io_uring', mode: 'async', env: { UV_USE_IO_URING: '1' } },
];

describe('a reader of safetensors', () => {
  for (const { name, mode, env } of ways) {
    test(`${name}: at least 99.9 % of what was read of the model is told by tensor`, async () => {
      const { summary, readBytes } = await recorded(mode, mode, join(folder, 'model'), env);
      const { model } = summary;
      assert.deepEqual(model?.files, paths);
      const ofTensors = (model?.tensors ?? []).filter(
        ({ layer: own, role }) => own !== null || role !== 'metadata',
      );
      const told = ofTensors.reduce((sum, row) => sum + row.readBytes, 0);
      assert.ok(told > 0.999 * (model?.readBytes ?? Infinity), `${told} of ${model?.readBytes}`);
      const roles = Object.fromEntries((model?.roles ?? []).map((role) => [role.name, role.readBytes]));
      for (const role of ['attention', 'experts', 'router', 'output'])
        assert.ok((roles[role] ?? 0) > 0, role);
      assert.equal(model?.experts?.length, 4 * experts);
      assert.ok((model?.uses?.rows ?? 0) > 0 && (model?.uses?.experts ?? 0) > 0);
      assert.match(renderReport(summary, { all: true }), /By role/);
      if (mode !== 'direct') return;
      // Past the page cache the disk gives what was asked for: each expert is one of the two of a token, or of the next.
      assert.ok(
        Math.abs((model?.readBytes ?? 0) - readBytes) < 0.01 * readBytes,
        `${model?.readBytes} ${readBytes}`,
      );
      assert.deepEqual(
        model?.experts?.slice(0, experts).map(({ readBytes: read, bytes }) => Math.round(read / bytes)),
        Array.from({ length: experts }, (_, expert) => timesUsed(expert)),
      );
    });
  }

  test('without a word of the model among its arguments: found by what it opens', async () => {
    const link = join(folder, 'elsewhere');
    symlinkSync('.', link); // named by another path
    const shell = ['sh', '-c', `cd ${link} && exec "$0" "$1" model direct 2`];
    const output = join(folder, 'found');
    const { exitCode, stderr } = await blkscope([
      ...['record', '--source', 'ftrace', '--mount', '-o', output, '--'],
      ...[...shell, process.execPath, reader],
    ]);
    assert.equal(exitCode, 0, stderr);
    await using run = await openRun(output);
    assert.deepEqual(run.summary.model?.files, paths);
    assert.ok((run.summary.model?.experts?.[0]?.readBytes ?? 0) > 0);
  });

  test('llama.cpp does not load it, and run says so before anything is done', async () => {
    const { exitCode, stderr } = await blkscope(['run', '--model', paths[0] as string]);
    assert.equal(exitCode, 2);
    assert.match(stderr, /holds safetensors, which llama\.cpp does not load/);
  });
});

/** By two tokens, as the reader chooses: (expert + token) % 4 < 2. */
function timesUsed(expert: number): number {
  return [0, 1].filter((token) => (expert + token) % experts < 2).length;
}

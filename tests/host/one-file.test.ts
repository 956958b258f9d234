// One file under several names, and files that share their sectors: what is on the disk once counts once.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deviceNumber } from '../../src/machine/machine.js';
import { locateFiles } from '../../src/machine/traced-files.js';
import { renderReport } from '../../src/report/terminal.js';
import { importTrace } from '../../src/trace-file/import-trace.js';
import { layer, writeGguf } from '../unit/model/gguf-file.js';
import { actions, Records } from '../unit/trace-file/records.js';
import { type LoopDevice, loopDevice } from './loop-device.js';

let folder: string;
let loop: LoopDevice;
let runs = 0;
const at = (name: string) => join(folder, 'mounted', name);
const bytes = 64 * 4096;

before(() => {
  folder = mkdtempSync('/var/tmp/blkscope-one-file-');
  loop = loopDevice(320); // mkfs.xfs makes none below 300 MiB
  execFileSync('mkfs.xfs', ['-q', loop.path]);
  mkdirSync(join(folder, 'mounted'));
  execFileSync('mount', [loop.path, join(folder, 'mounted')]);
  writeFileSync(at('data'), Buffer.alloc(bytes - 100, 1));
  linkSync(at('data'), at('hard'));
  symlinkSync('data', at('soft'));
  execFileSync('cp', ['--reflink=always', at('data'), at('clone')]);
  execFileSync('dd', [
    'if=/dev/zero',
    `of=${at('clone')}`,
    'bs=4k',
    'count=16',
    'conv=notrunc',
    'status=none',
  ]);
  writeGguf(at('model.gguf'), {
    keys: { 'general.architecture': 'llama', 'llama.block_count': 1 },
    tensors: layer('blk.0', 'attn_q', 'attn_k'),
  });
  linkSync(at('model.gguf'), at('other.gguf'));
  execFileSync('cp', ['--reflink=always', at('model.gguf'), at('clone.gguf')]);
  execFileSync('sync', ['-f', at('data')]);
});
after(() => {
  execFileSync('umount', [join(folder, 'mounted')]);
  loop[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

/** A trace of reads of each of these files from its start to its end, imported with the files that it is looked at for. */
async function imported(read: readonly string[], files: readonly string[]) {
  const records = new Records(0, deviceNumber(loop.name));
  let time = 1_000_000_000n;
  for (const { sectors, sectorCounts } of read.flatMap((name) => locateFiles([at(name)]).extents)) {
    sectors.forEach((sector, i) => {
      const size = Number(sectorCounts[i]) * 512;
      for (const action of [actions.issue, actions.complete]) {
        time += 100_000n;
        records.add(time, action, Number(sector), size);
      }
    });
  }
  const trace = join(folder, `trace${++runs}`);
  writeFileSync(`${trace}.blktrace.0`, records.bytes);
  const output = join(folder, `run${runs}`);
  return (await importTrace({ paths: [trace], files: files.map(at), output })).run;
}

test('a file that is named twice, by links too, is one file', async () => {
  await using once = await imported(['data'], ['data']);
  assert.equal(once.summary.model?.bytes, bytes - 100);
  assert.equal(once.summary.model?.readBytes, bytes - 100);
  for (const names of [
    ['data', 'data'],
    ['data', 'soft', 'hard'],
    ['data', 'hard'],
  ]) {
    await using twice = await imported(['data'], names);
    assert.deepEqual(twice.summary.model, once.summary.model);
    assert.equal(twice.summary.otherModels, undefined);
    assert.equal(twice.config.files.length, 1);
  }
});

test('a model under two names is one model', async () => {
  await using once = await imported(['model.gguf'], ['model.gguf']);
  assert.equal(once.summary.model?.coverage, 1);
  await using twice = await imported(['model.gguf'], ['model.gguf', 'other.gguf']);
  assert.deepEqual(twice.summary.model, once.summary.model);
  assert.equal(twice.summary.otherModels, undefined);
});

test('what clones share counts once in their sum, and for each of them by itself', async () => {
  await using run = await imported(['data', 'clone'], ['data', 'clone']);
  const { model, reads } = run.summary;
  const own = 16 * 4096; // written to the clone after it was made
  assert.equal(model?.bytes, bytes - 100 + own);
  assert.equal(model?.uniqueBytes, bytes - 100 + own);
  assert.equal(model?.readBytes, 2 * bytes - 200);
  assert.equal(model?.coverage, 1);
  assert.equal(model?.reads, reads.count);
  assert.ok((model?.readBytes ?? 0) <= reads.bytes);
  const db = await run.connect();
  const located = await db.runAndReadAll('SELECT count(*) FROM io WHERE "fileOffset" IS NULL');
  assert.deepEqual(located.getRows(), [[0n]]);
});

test('two models that share their sectors have each its figures, and what is not from them is none', async () => {
  await using run = await imported(['model.gguf'], ['model.gguf', 'clone.gguf']);
  const { model, otherModels, modelsReadBytes, reads } = run.summary;
  assert.deepEqual([model?.coverage, otherModels?.map(({ coverage }) => coverage)], [1, [1]]);
  assert.equal(modelsReadBytes, model?.readBytes);
  assert.ok(reads.bytes - (modelsReadBytes ?? 0) < 4096);
  assert.doesNotMatch(renderReport(run.summary, { all: true }), /-\d+(\.\d+)? (bytes|[KMG]iB)/);
});

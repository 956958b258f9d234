// A run with a pin that is killed leaves nothing locked; with the real llama-cli.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { synthesizeModel } from '../../src/index.js';
import { native } from '../../src/native/binding.js';
import { blkscope } from './command-line.js';

const MiB = 2 ** 20;
const traced = ['--source', 'ftrace', '--mount', '--json'];
const llama = ['--llama', 'vendor/llama/bin/llama-cli', '-t', '1'];
let folder: string;
let model: string;

before(async () => {
  folder = mkdtempSync('build/pinned-run-test-'); // on a disk
  model = join(folder, 'mixture.gguf');
  await synthesizeModel(model, { preset: 'tiny-gpt-oss', layers: 8, router: { zipf: 1 } });
});
after(() => rmSync(folder, { recursive: true }));

const heldBytes = async () => (await native.evictFile(model)).cachedBytes ?? Number.NaN;

test('SIGKILL of a run with a pin leaves nothing locked', async () => {
  let held: Promise<number> | undefined;
  const args = ['run', '--model', model, ...traced, ...llama, '-n', '400', '--limit', '120M', '--pin', '20M'];
  await blkscope([...args, '-o', join(folder, 'killed')], {
    when: {
      text: 'run llama-cli',
      act: (child) => {
        held = heldBytes();
        void held.then(() => child.kill('SIGKILL'));
      },
    },
  });
  assert.ok(((await held) ?? 0) >= 20 * MiB, 'it was held before');
  for (let tries = 0; tries < 50 && (await heldBytes()) > 0; tries++) await sleep(100);
  assert.equal(await heldBytes(), 0);
  assert.equal((await blkscope(['recover'])).exitCode, 0);
});

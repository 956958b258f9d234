import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Model, readModel, synthesizeModel } from '../../src/index.js';
import { native } from '../../src/native/binding.js';
import { blkscope } from './command-line.js';

const path = `build/pin-test-${process.pid}.gguf`;
const MiB = 2 ** 20;
let model: Model;

before(async () => {
  await synthesizeModel(path, { preset: 'demo', layers: 3 });
  model = await readModel(path);
});
after(() => rmSync(path, { force: true }));

/** What an eviction cannot take out of the page cache: what is locked there. */
const heldBytes = async () => (await native.evictFile(path)).cachedBytes ?? Number.NaN;

/** The kernel takes a killed process's memory apart a moment after its end is told. */
async function nothingHeld(): Promise<void> {
  for (let tries = 0; tries < 50 && (await heldBytes()) > 0; tries++) await sleep(100);
  assert.equal(await heldBytes(), 0);
}

test('a pin holds its budget against eviction while the command runs, and nothing after', async () => {
  const evict = `require('node-gyp-build')('.').evictFile('${path}').then(r => console.log('held ' + r.cachedBytes))`;
  const { exitCode, stdout, stderr } = await blkscope([
    ...['pin', '--model', path, '--budget', '30M', '--', process.execPath, '-e', evict],
  ]);
  assert.equal(exitCode, 0, stderr);
  const held = Number(/held (\d+)/.exec(stdout)?.[1]);
  // a large folio that reaches over the budget's edge stays whole
  assert.ok(held >= 30 * MiB && held <= 34 * MiB, `${held} bytes held`);
  await nothingHeld();
});

test('SIGKILL leaves nothing locked', async () => {
  let heldBefore: Promise<number> | undefined;
  await blkscope(['pin', '--model', path, '--budget', '30M'], {
    when: {
      text: 'Ctrl-C releases it',
      act: (child) => {
        heldBefore = heldBytes();
        void heldBefore.then(() => child.kill('SIGKILL'));
      },
    },
  });
  assert.ok(((await heldBefore) ?? 0) >= 30 * MiB, 'it was held before');
  await nothingHeld();
});

test('a model that is replaced while it is pinned ends the pin with one line', async () => {
  const { exitCode, stderr } = await blkscope(['pin', '--model', path, '--budget', '1M'], {
    when: {
      text: 'Ctrl-C releases it',
      act: () => {
        writeFileSync(`${path}.new`, 'another');
        renameSync(path, `${path}.old`);
        renameSync(`${path}.new`, path);
      },
    },
  });
  renameSync(`${path}.old`, path);
  assert.equal(exitCode, 4);
  assert.match(stderr, /was replaced by another file while it was pinned/);
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test('budgets that make no sense are refused with one line', async () => {
  for (const [args, code, text] of [
    [['--budget', '0'], 2, /a size of 0 bytes makes no sense/],
    [['--leave', '900T'], 4, /cannot be left/],
    [['--budget', '1M', '--plan', 'no-such-run'], 2, /no such run folder/],
  ] as const) {
    const { exitCode, stderr } = await blkscope(['pin', '--model', path, ...args]);
    assert.equal(exitCode, code, stderr);
    assert.match(stderr, text);
  }
  assert.ok(model.bytes > 30 * MiB);
});

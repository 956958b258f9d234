import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openToRead, readText } from '../../../src/files/read.js';
import { native } from '../../../src/native/binding.js';

let folder: string;
const at = (name: string) => join(folder, name);
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-read-'));
  execFileSync('mkfifo', [at('pipe')]);
  mkdirSync(at('folder'));
  writeFileSync(at('file'), 'text');
  symlinkSync(at('file'), at('link'));
});
after(() => rmSync(folder, { recursive: true }));

test('what is no regular file is refused without being opened: who waits for a reader goes on waiting', async () => {
  const writer = spawn('sh', ['-c', 'echo > "$0"', at('pipe')], { stdio: 'ignore' });
  await sleep(200);
  assert.throws(() => openToRead(at('pipe')), { code: 'NOT_A_FILE' });
  assert.throws(() => native.fileExtents(at('pipe')), { code: 'NOT_A_FILE' });
  await sleep(200);
  assert.equal(writer.exitCode, null);
  writer.kill();
  for (const path of [at('folder'), '/dev/null'])
    assert.throws(() => openToRead(path), { code: 'NOT_A_FILE' });
});

test('a link is followed where it may be, and errors name the path', () => {
  assert.equal(readText(at('link'), 100), 'text');
  assert.throws(() => readText(at('link'), 100, { noLink: true }), {
    code: 'NOT_A_FILE',
    message: /link: a link/,
  });
  assert.throws(() => openToRead(at('none')), { code: 'ENOENT', message: /none/ });
});

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { joinedMappings, largeFileBytes, openedFiles } from '../../../src/process/opened-files.js';
import { commandEngine } from '../../../src/workload/command.js';

let folder: string;
before(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'blkscope-opened-')));
});
after(() => rmSync(folder, { recursive: true }));

/** Sparse. */
function largeFile(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  truncateSync(path, largeFileBytes);
  return path;
}

test('a file that is held open to write alone is none that is read', () => {
  const paths = ['r', 'r+', 'a'].map((mode) => ({ mode, path: largeFile(`opened-${mode}`) }));
  const open = paths.map(({ mode, path }) => openSync(path, mode));
  try {
    const found = new Set(openedFiles(process.pid).map(({ path }) => path));
    assert.deepEqual(
      paths.map(({ path }) => found.has(path)),
      [true, true, false],
    );
  } finally {
    open.forEach(closeSync);
  }
});

test('of a command that is soon over the file that it reads is seen, the log of its output not', async () => {
  const data = largeFile('data.bin');
  const log = join(folder, 'workload.log');
  const script = `exec 3<${data}; head -c ${largeFileBytes} /dev/zero; sleep 0.12`;
  const { done } = await commandEngine(['sh', '-c', script]).start({ log });
  const { openedFiles, modelBytes } = await done;
  const large = openedFiles.filter((file) => file.large).map(({ path }) => path);
  assert.deepEqual({ large, modelBytes }, { large: [data], modelBytes: largeFileBytes });
});

test('a file in tens of thousands of pieces is read at once, and pieces that go on are one', () => {
  const line = (page: number, of: number, name = '/m.gguf') =>
    `${(0x7f0000000000 + page * 4096).toString(16)}-${(0x7f0000001000 + page * 4096).toString(16)} r--p ${(of * 4096).toString(16)} fd:00 12 ${name}`;
  const pieces = Array.from({ length: 60_000 }, (_, i) => line(i, i));
  const others = [line(60_001, 60_001), line(60_002, 5), line(60_003, 6, '/n.gguf')]; // a gap, another place, another file
  const began = performance.now();
  const found = joinedMappings([...pieces, ...others, '7fff-8000 rw-p 0 00:00 0 [stack]'].join('\n'));
  assert.ok(performance.now() - began < 2000);
  assert.deepEqual(
    found.map(({ path, offset, bytes }) => [path, offset / 4096, bytes / 4096]),
    [
      ['/m.gguf', 0, 60_000],
      ['/m.gguf', 60_001, 1],
      ['/m.gguf', 5, 1],
      ['/n.gguf', 6, 1],
    ],
  );
});

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { largeFileBytes, openedFiles } from '../../../src/process/opened-files.js';
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

import assert from 'node:assert/strict';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ReaderFiles } from '../../../src/live/reader-files.js';
import { native } from '../../../src/native/binding.js';

// On a disk: a file in memory has no place on one.
const folder = mkdtempSync(fileURLToPath(new URL('../../../build/reader-', import.meta.url)));
const open: number[] = [];
after(() => {
  for (const descriptor of open) closeSync(descriptor);
  rmSync(folder, { recursive: true });
});

/** A file that this process holds open to read, and a sector of it. */
function opened(name: string): { path: string; sector: number } {
  const path = join(folder, name);
  const descriptor = openSync(path, 'w+');
  open.push(descriptor);
  writeSync(descriptor, Buffer.alloc(1 << 20, 1));
  fsyncSync(descriptor);
  return { path, sector: Number(native.fileExtents(path).sectors[0]) + 5 };
}

test('a sector is of the file that the process holds open there; what it opens later is found in the next span', () => {
  const [first, own] = [opened('first'), new Set([process.pid])];
  const files = new ReaderFiles();
  assert.equal(files.at(process.pid, first.sector), first.path);
  const second = opened('second');
  assert.equal(files.at(process.pid, second.sector), null, 'it was asked in this span');
  files.renew(own);
  assert.equal(files.at(process.pid, second.sector), second.path);
  assert.equal(files.at(process.pid, first.sector), first.path);
  assert.equal(files.at(1 << 30, first.sector), null, 'there is no such process');
});

test('of many processes a few are asked in a span, and the others later', () => {
  const { path, sector } = opened('third');
  const files = new ReaderFiles();
  for (let gone = 1; gone <= 10; gone++) assert.equal(files.at((1 << 30) + gone, sector), null);
  assert.equal(files.at(process.pid, sector), null);
  files.renew(new Set());
  assert.equal(files.at(process.pid, sector), path);
});

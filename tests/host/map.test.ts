import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { copyContiguously } from '../../src/map/defragment.js';
import { mapFile } from '../../src/map/file-map.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { renderMap } from '../../src/report/file-map.js';

let folder: string;

before(() => {
  folder = mkdtempSync(join(import.meta.dirname, '../../build/map-'));
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** filefrag's extents: first block in the file, first block on the file system's device, length in blocks. */
function filefrag(path: string): [logical: number, physical: number, length: number][] {
  const text = execFileSync('filefrag', ['-v', '-b512', path], { encoding: 'utf8' });
  const rows = text.matchAll(/^\s*\d+:\s*(\d+)\.\.\s*\d+:\s*(\d+)\.\.\s*\d+:\s*(\d+):/gm);
  return [...rows].map(([, logical, physical, length]) => [
    Number(logical),
    Number(physical),
    Number(length),
  ]);
}

/** Two files that grow in turns, synced each time, get their space in turns. */
function fragmented(path: string): void {
  const files = [path, `${path}.other`].map((name) => openSync(name, 'w'));
  for (let i = 0; i < 24; i++) {
    for (const file of files) {
      writeSync(file, Buffer.alloc(64 * 1024, i + 1));
      fsyncSync(file);
    }
  }
  files.forEach(closeSync);
}

test('extents are those of filefrag', async () => {
  const path = join(folder, 'pieces');
  fragmented(path);
  const { extents, startSector, fragments, tensors } = await mapFile(path);
  assert.deepEqual(
    extents.map(({ fileOffset, sector, bytes }) => [fileOffset / 512, sector - startSector, bytes / 512]),
    filefrag(path),
  );
  assert.ok(fragments <= extents.length && fragments >= 1);
  assert.equal(tensors, null);
});

test('a copy has the same bytes and no more pieces; nothing half is left', async () => {
  const [path, copy] = [join(folder, 'pieces'), join(folder, 'copy')];
  await copyContiguously(path, copy);
  assert.ok(readFileSync(copy).equals(readFileSync(path)));
  assert.ok((await mapFile(copy)).fragments <= (await mapFile(path)).fragments);
  await assert.rejects(copyContiguously(path, copy), /exists already/);
  await assert.rejects(copyContiguously(path, join(folder, 'no', 'such')), /no\/such/);
  await assert.rejects(copyContiguously(path, join(folder, 'aborted'), { signal: AbortSignal.abort() }));
  assert.deepEqual(readdirSync(folder).sort(), ['copy', 'pieces', 'pieces.other']);
});

test("a model's tensors lie where its bytes are on the disk", async () => {
  const path = join(folder, 'model.gguf');
  await synthesizeModel(path, { preset: 'tiny-llama' });
  const map = await mapFile(path);
  assert.ok(map.tensors && map.tensors.length > 5);
  const pieces = filefrag(path);
  for (const { sector, fileOffset, name } of map.tensors) {
    const at = Math.floor(fileOffset / 512);
    const piece = pieces.find(([logical, , length]) => logical <= at && at < logical + length);
    assert.ok(piece, name);
    assert.equal(sector, map.startSector + piece[1] + at - piece[0], name);
  }
  assert.match(renderMap(map, { tensors: true }), /token_embd\.weight/);
  writeFileSync(path, readFileSync(path).subarray(0, 1000));
  await assert.rejects(mapFile(path), /model\.gguf/);
});

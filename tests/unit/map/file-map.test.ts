import assert from 'node:assert/strict';
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BlkscopeError } from '../../../src/errors.js';
import { type FileMap, mapFile } from '../../../src/map/file-map.js';
import { ggufFile, layer } from '../model/gguf-file.js';

const page = 4096;
const tensors = 40;

/** A model whose tensors lie in every other page, and beyond it a hole. */
function sparseModel(path: string): void {
  const names = Array.from({ length: tensors }, (_, i) => layer(`blk.${i}`, 'ffn_up')).flat();
  const bytes = ggufFile({ keys: { 'general.architecture': 'llama' }, tensors: names });
  writeFileSync(path, '');
  truncateSync(path, bytes.length);
  const file = openSync(path, 'r+');
  for (let at = 0; at < bytes.length; at += 2 * page)
    writeSync(file, bytes.subarray(at, at + page), 0, Math.min(page, bytes.length - at), at);
  fsyncSync(file);
  closeSync(file);
}

test('each tensor is told with the extents that it lies in, and where it begins unless that is a hole', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-map-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'sparse.gguf');
  sparseModel(path);
  let map: FileMap;
  try {
    map = await mapFile(path);
  } catch (error) {
    if (error instanceof BlkscopeError && error.code === 'NO_EXTENTS') return t.skip(error.message);
    throw error;
  }
  assert.ok(map.extents.length > tensors / 4, `${map.extents.length} extents`);
  assert.equal(map.tensors?.length, tensors);
  for (const { name, fileOffset, bytes, sector, extents } of map.tensors ?? []) {
    const [from, to] = [fileOffset, fileOffset + bytes];
    const own = map.extents.filter((each) => each.fileOffset < to && each.fileOffset + each.bytes > from);
    assert.equal(extents, own.length, name);
    const first = own[0];
    const begins = first !== undefined && first.fileOffset <= from;
    assert.equal(sector, begins ? first.sector + Math.floor((from - first.fileOffset) / 512) : null, name);
  }
  assert.ok(map.tensors?.some(({ sector }) => sector === null));
  assert.ok(map.tensors?.some(({ sector }) => sector !== null));
});

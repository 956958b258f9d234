import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { BlkscopeError } from '../../../src/errors.js';
import { type Model, modelOf, modelsOf, readModel } from '../../../src/model/gguf.js';
import { layer, type TestFile, type TestValue, writeGguf } from './gguf-file.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-files-'));
after(() => rmSync(folder, { recursive: true }));

/** A part of a split model: one layer each, as llama.cpp's splitter writes it. */
function part(no: number, count: number, changed: Record<string, TestValue> = {}): TestFile {
  const own = no === 0 ? { 'general.architecture': 'llama', 'llama.block_count': count } : {};
  const split = { 'split.no': no, 'split.count': count, 'split.tensors.count': count };
  return { keys: { ...own, ...split, ...changed }, tensors: layer(`blk.${no}`, 'attn_q') };
}

const partName = (no: number, count: number) =>
  `m-${String(no + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.gguf`;

function names({ parts }: Model): string[] {
  return parts.map(({ path }) => basename(path));
}

async function refused(path: string, ...said: RegExp[]): Promise<void> {
  await assert.rejects(readModel(path), (error: unknown) => {
    assert.ok(error instanceof BlkscopeError, String(error));
    assert.equal(error.exitCode, 2);
    for (const pattern of said) assert.match(error.message, pattern);
    return true;
  });
}

test('parts under whatever names are one model, in the order that they say', async () => {
  const place = join(folder, 'renamed');
  const paths = ['zebra.gguf', 'apple', 'sha256-0123'].map((name, no) =>
    writeGguf(join(place, name), part(no, 3)),
  );
  writeGguf(join(place, 'other.gguf'), part(1, 4));
  writeGguf(join(place, 'single.gguf'), {
    keys: { 'general.architecture': 'llama' },
    tensors: layer('blk.0', 'q'),
  });
  for (const path of paths) {
    const model = await readModel(path);
    assert.deepEqual(names(model), ['zebra.gguf', 'apple', 'sha256-0123']);
    assert.deepEqual(
      model.tensors.map(({ name }) => name),
      ['blk.0.attn_q.weight', 'blk.1.attn_q.weight', 'blk.2.attn_q.weight'],
    );
  }
  const seen = await modelOf(paths.toReversed());
  assert.deepEqual(seen && names(seen), ['zebra.gguf', 'apple', 'sha256-0123']);
});

test("Hugging Face's cache: blobs named by hash, links to them by name", async () => {
  const cache = join(folder, 'models--org--m');
  const snapshot = join(cache, 'snapshots', 'main', 'Q4_K_M');
  mkdirSync(snapshot, { recursive: true });
  // two quantisations of one model, which say the same of their parts
  const blobs = ['Q4_K_M', 'Q8_0'].map((quantisation, q) => {
    mkdirSync(join(cache, 'snapshots', 'main', quantisation), { recursive: true });
    return [0, 1].map((no) => {
      const blob = writeGguf(join(cache, 'blobs', `${no === 0 ? 'f' : '0'}${q}`.repeat(32)), part(no, 2));
      symlinkSync(
        `../../../blobs/${basename(blob)}`,
        join(cache, 'snapshots', 'main', quantisation, partName(no, 2)),
      );
      return blob;
    });
  });
  for (const [first, second] of blobs as [string, string][]) {
    for (const path of [first, second])
      assert.deepEqual(
        names(await readModel(path)),
        [first, second].map((each) => basename(each)),
      );
    const opened = await modelOf([second, first].map((each) => realpathSync(each)));
    assert.deepEqual(
      opened && names(opened),
      [first, second].map((each) => basename(each)),
    );
  }
  assert.deepEqual(names(await readModel(join(snapshot, partName(1, 2)))), [partName(0, 2), partName(1, 2)]);
});

test('parts that contradict are refused, naming the file and the key', async () => {
  const pair = (name: string, second: TestFile, first: TestFile = part(0, 2)) => {
    const path = writeGguf(join(folder, name, partName(0, 2)), first);
    writeGguf(join(folder, name, partName(1, 2)), second);
    return path;
  };
  await refused(pair('swapped', part(0, 2), part(1, 2)), /00001-of-00002\.gguf: .*split\.no is 1/);
  await refused(pair('twice', part(0, 2)), /00002-of-00002\.gguf: .*split\.no is 0/);
  await refused(pair('foreign', part(1, 5)), /00002-of-00002\.gguf: .*split\.count is 5/);
  const duplicate = { ...part(1, 2), tensors: layer('blk.0', 'attn_q') };
  await refused(pair('duplicate', duplicate), /00002-of-00002\.gguf: .*blk\.0\.attn_q\.weight/);
  await refused(pair('fewer', part(1, 2, { 'split.tensors.count': 9 })), /split\.tensors\.count is 9/);
  await refused(pair('silent', { tensors: layer('blk.1', 'attn_q') }), /split\.count is missing/);
  await refused(writeGguf(join(folder, 'beyond', 'x'), part(5, 2)), /split\.no is 5, but split\.count is 2/);
  const more = pair('more', part(1, 2));
  renameSync(more, join(folder, 'more', 'm-00001-of-00003.gguf'));
  await refused(join(folder, 'more', 'm-00001-of-00003.gguf'), /part 2|part/);
});

test('a part that is missing, or there twice, is told', async () => {
  const lonely = writeGguf(join(folder, 'lonely', 'abc'), part(1, 3));
  await refused(lonely, /part 2 of 3.*part 1/);
  const [first] = ['a', 'b', 'c'].map((name, no) =>
    writeGguf(join(folder, 'doubled', name), part(Math.min(no, 1), 2)),
  );
  await refused(first as string, /both say that they are part 2 of 2/);
});

test('several models among the files of a run, the largest first, and what is left out', async () => {
  const place = join(folder, 'several');
  const big = [0, 1].map((no) => writeGguf(join(place, partName(no, 2)), part(no, 2)));
  const draft = writeGguf(join(place, 'draft.gguf'), {
    keys: { 'general.architecture': 'llama' },
    tensors: [{ name: 'blk.0.attn_q.weight', shape: [8, 8] }],
  });
  const lost = writeGguf(join(place, 'n-00001-of-00002.gguf'), part(0, 2));
  const left: string[] = [];
  const models = await modelsOf([draft, lost, ...big], (path, error) => left.push(`${path} ${error.code}`));
  assert.deepEqual(models.map(names), [[partName(0, 2), partName(1, 2)], ['draft.gguf']]);
  assert.deepEqual(left, [`${lost} SPLIT_PART_MISSING`]);
  assert.equal(await modelOf([draft, ...big]), null);
});

test('files that a run used are one model only if names and keys agree', async () => {
  const place = join(folder, 'used');
  const swapped = [1, 0].map((no, i) => writeGguf(join(place, partName(i, 2)), part(no, 2)));
  const left: string[] = [];
  assert.deepEqual(await modelsOf(swapped, (_, error) => left.push(error.message)), []);
  assert.match(left[0] ?? '', /split\.no is 1, but its name says 0/);
});

// Several models in one run, and one whose parts bear hashes for names: each has its own figures; what has none is told.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { openRun, renderReport, synthesizeModel } from '../../src/index.js';
import { layer, writeGguf } from '../unit/model/gguf-file.js';
import { blkscope } from './command-line.js';

let folder: string;
const at = (...names: string[]) => resolve(folder, ...names);

before(async () => {
  folder = mkdtempSync('build/several-models-test-'); // on a disk
  await synthesizeModel(at('large.gguf'), { preset: 'tiny-llama' });
  await synthesizeModel(at('draft.gguf'), { preset: 'tiny-gpt-oss', layers: 1 });
  // one model of two parts, as Hugging Face's cache keeps it
  mkdirSync(at('blobs'));
  [0, 1].forEach((no) => {
    const own = no === 0 ? { 'general.architecture': 'llama', 'llama.block_count': 2 } : {};
    writeGguf(at('blobs', `${9 - no}`.repeat(64)), {
      keys: { ...own, 'split.no': no, 'split.count': 2, 'split.tensors.count': 2 },
      tensors: layer(`blk.${no}`, 'attn_q'),
    });
  });
});
after(() => rmSync(folder, { recursive: true }));

async function recorded(name: string, command: string[]) {
  const traced = ['--source', 'ftrace', '--mount', '-o', at(name)];
  const { exitCode, stderr } = await blkscope(['record', ...traced, '--', ...command]);
  assert.equal(exitCode, 0, stderr);
  await using run = await openRun(at(name));
  const connection = await run.connect();
  const rows = await connection.runAndReadAll(
    "SELECT file, count(*)::INTEGER, sum(bytes)::BIGINT FROM region WHERE kind = 'role' GROUP BY file ORDER BY file",
  );
  return { summary: run.summary, stderr, regions: rows.getRows() };
}

/** Reads these files past the page cache, whatever it holds. */
const reading = (...paths: string[]) => [
  'sh',
  '-c',
  'for file; do dd if="$file" of=/dev/null bs=64k iflag=direct status=none; done',
  'read',
  ...paths,
];

test('two models, each with its own regions and figures', async () => {
  const { summary, regions } = await recorded('two', reading(at('draft.gguf'), at('large.gguf')));
  assert.deepEqual(summary.model?.files, [at('large.gguf')]);
  assert.equal(summary.otherModels?.length, 1);
  const [draft] = summary.otherModels ?? [];
  assert.deepEqual(draft?.files, [at('draft.gguf')]);
  for (const model of [summary.model, draft]) {
    assert.equal(model?.coverage, 1);
    const sum = (model?.roles ?? []).reduce((total, { readBytes }) => total + readBytes, 0);
    assert.equal(sum, model?.readBytes);
  }
  assert.ok(draft?.experts?.length === 32 && summary.model.experts === null);
  assert.deepEqual(
    regions.map(([file, , bytes]) => [file, Number(bytes)]),
    [draft, summary.model].map((model) => [model?.files[0], model?.bytes]),
    'in SQL too',
  );
  assert.match(renderReport(summary, { all: true }), /Also read: draft\.gguf/);
});

test('parts named by hashes are one model; a part that is missing is said to be', async () => {
  const [first, second] = [at('blobs', '9'.repeat(64)), at('blobs', '8'.repeat(64))];
  const { summary } = await recorded('hashes', reading(second));
  assert.deepEqual(summary.model?.files, [first, second], 'the other part is its own too');
  assert.deepEqual(
    summary.model?.tensors?.flatMap(({ name, coverage, layer: own }) =>
      own == null ? [] : [[name, coverage]],
    ),
    [
      ['blk.0.attn_q.weight', 0],
      ['blk.1.attn_q.weight', 1],
    ],
  );
  const alone = writeGguf(at('alone'), {
    keys: { 'split.no': 0, 'split.count': 2, 'split.tensors.count': 2 },
    tensors: layer('blk.0', 'attn_q'),
  });
  const lone = await recorded('alone-run', reading(alone));
  assert.match(lone.stderr, /the tensors of .*alone are not told apart: .*one of 2 parts/);
  assert.equal(lone.summary.model?.tensors, null);
  const { stdout } = await blkscope(['doctor', alone]);
  assert.match(stdout, /model\s+its tensors cannot be told apart:[\s\S]*part 1 of 2/);
});

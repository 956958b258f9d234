// A model whose largest tensor is a table of rows, under a limit that holds all else: what is told of it, and that a pin does no harm.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Summary } from '../../src/figures/summary-schema.js';
import { type Model, openRun, readModel, renderReport, synthesizeModel } from '../../src/index.js';
import { touchedBytes } from '../../src/model/uses.js';
import { planPins } from '../../src/pin/pin-plan.js';
import { blkscope } from './command-line.js';

const MiB = 2 ** 20;
const tokens = 40;
let folder: string;
let path: string;
let model: Model;

before(async () => {
  folder = mkdtempSync('build/row-tables-test-'); // on a disk
  path = join(folder, 'gemma3n.gguf');
  await synthesizeModel(path, { preset: 'gemma3n-80m' });
  model = await readModel(path);
});
after(() => rmSync(folder, { recursive: true }));

async function measured(name: string, ...args: string[]): Promise<Summary> {
  const output = join(folder, name);
  const { exitCode, stderr } = await blkscope([
    ...['run', '--model', path, '--source', 'ftrace', '--mount', '-o', output, '-n', String(tokens)],
    ...['--llama', 'vendor/llama/bin/llama-completion', '-t', '1', '--readahead', '64', ...args],
  ]);
  assert.equal(exitCode, 0, stderr);
  await using run = await openRun(output);
  return run.summary;
}

test('under a limit that holds all but the table nothing must be read, and no run exceeds its bound', async () => {
  const table = model.tensors.find(({ name }) => name === 'per_layer_token_embd.weight');
  assert.ok(table && table.bytes > 0.6 * model.bytes);
  const plain = await measured('plain', '--limit', '110M');
  const { bound } = plain;
  assert.ok(bound);
  assert.equal(bound.touchedBytesPerToken, touchedBytes(model).least);
  assert.ok(bound.touchedBytesPerToken < 60 * MiB);
  assert.equal(bound.keptBytes, bound.touchedBytesPerToken, 'memory can keep what a token uses');
  assert.ok(bound.ratio <= 1, `${bound.ratio}`);
  assert.equal(plain.model?.uses?.rows, table.bytes);
  assert.match(renderReport(plain), /in tables of which a token looks up rows/);

  const pinned = await measured('pinned', '--limit', '110M', '--pin', '90M');
  const whole = planPins(model, 90 * MiB).bytes;
  assert.ok(
    whole < 58 * MiB && pinned.memory.pinnedBytes < whole + MiB,
    'the budget is not spent on the table',
  );
  assert.ok((pinned.bound?.ratio ?? 2) <= 1);
  // Rows are read as before, by windows of 128 KiB; a pin of the table cost 30 MiB a token.
  const perToken = (summary: Summary) => summary.workload?.bytesPerToken ?? Number.NaN;
  assert.ok(perToken(pinned) < perToken(plain) + MiB / 2, `${perToken(plain)} ${perToken(pinned)}`);
  const automatic = await measured('automatic', '--limit', '110M', '--pin', 'auto');
  assert.ok(perToken(automatic) < perToken(plain) + MiB / 2, `${perToken(plain)} ${perToken(automatic)}`);
  assert.ok((automatic.bound?.ratio ?? 2) <= 1);
});

// Models whose largest tensor is a table of rows, under a limit that holds all else: what is told of them, and that a pin does no harm.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Summary } from '../../src/figures/summary-schema.js';
import { openRun, readModel, renderReport, synthesizeModel } from '../../src/index.js';
import { touchedBytes } from '../../src/model/uses.js';
import { planPins } from '../../src/pin/pin-plan.js';
import { blkscope } from './command-line.js';

const MiB = 2 ** 20;
const tokens = 40;
let folder: string;

before(() => {
  folder = mkdtempSync('build/row-tables-test-'); // on a disk
});
after(() => rmSync(folder, { recursive: true }));

async function measured(path: string, name: string, ...args: string[]): Promise<Summary> {
  const output = join(folder, name);
  const { exitCode, stderr } = await blkscope([
    ...['run', '--model', path, '--source', 'ftrace', '--mount', '-o', output, '-n', String(tokens)],
    ...['--llama', 'vendor/llama/bin/llama-completion', '-t', '1', '--readahead', '64', ...args],
  ]);
  assert.equal(exitCode, 0, stderr);
  await using run = await openRun(output);
  return run.summary;
}

/** `mostUsed`: of the model by a token; `limit` holds that and the program, not the table. */
const models = [
  { preset: 'gemma3n-80m', share: 0.6, limit: '110M', mostUsed: 60 * MiB },
  { preset: 'engram-80m', share: 0.4, limit: '105M', mostUsed: 30 * MiB },
] as const;

for (const { preset, share, limit, mostUsed } of models) {
  test(`${preset}: nothing must be read, no run exceeds its bound, and no pin spends on the table`, async () => {
    const path = join(folder, `${preset}.gguf`);
    await synthesizeModel(path, { preset });
    const model = await readModel(path);
    const table = model.tensors.find(({ name }) => name === 'per_layer_token_embd.weight');
    assert.ok(table && table.bytes > share * model.bytes);
    const plain = await measured(path, `${preset}-plain`, '--limit', limit);
    const { bound } = plain;
    assert.ok(bound);
    assert.equal(bound.touchedBytesPerToken, touchedBytes(model).least);
    assert.ok(bound.touchedBytesPerToken < mostUsed);
    assert.equal(bound.keptBytes, bound.touchedBytesPerToken, 'memory can keep what a token uses');
    assert.ok(bound.ratio <= 1, `${bound.ratio}`);
    assert.equal(plain.workload?.tokens, tokens, 'as the program says, however many writes were seen');
    const ofRoles = (plain.model?.roles ?? []).reduce((sum, role) => sum + (role.bytesPerToken ?? 0), 0);
    const perTokenOfAll = plain.workload?.bytesPerToken ?? Number.NaN;
    assert.ok(Math.abs(ofRoles - perTokenOfAll) <= 1e-6 * perTokenOfAll + 1, `${ofRoles} ${perTokenOfAll}`);
    assert.ok((plain.model?.uses?.rows ?? 0) >= table.bytes);
    assert.match(renderReport(plain, { only: ['roles'] }), /in tables of which a token looks\s+up rows/);

    const budget = 64 * MiB;
    const whole = planPins(model, budget).bytes;
    assert.ok(whole <= model.bytes - table.bytes);
    const pinned = await measured(path, `${preset}-pinned`, '--limit', limit, '--pin', '64M');
    assert.ok(pinned.memory.pinnedBytes < whole + 2 * MiB, 'the budget is not spent on the table');
    assert.ok((pinned.bound?.ratio ?? 2) <= 1, `pinned: ${pinned.bound?.ratio}`);
    // Rows are read as before, by windows of 128 KiB; a pin of the table cost 30 MiB a token.
    const perToken = (summary: Summary) => summary.workload?.bytesPerToken ?? Number.NaN;
    const most = perToken(plain) + MiB / 2;
    assert.ok(perToken(pinned) < most, `${perToken(plain)} ${perToken(pinned)}`);
    const automatic = await measured(path, `${preset}-automatic`, '--limit', limit, '--pin', 'auto');
    assert.ok(perToken(automatic) < most, `${perToken(plain)} ${perToken(automatic)}`);
    assert.ok((automatic.bound?.ratio ?? 2) <= 1, `automatic: ${automatic.bound?.ratio}`);
    rmSync(path);
  });
}

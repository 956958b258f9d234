// Which tensor was read: held against SQL over the stored events, on a dense model and a mixture of experts.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { exportRun } from '../../src/export/export-run.js';
import type { RegionFigures, Summary } from '../../src/figures/summary-schema.js';
import { heat } from '../../src/heat/run-heat.js';
import { type SynthesizeOptions, synthesizeModel } from '../../src/model/synthesize.js';
import { storedSchema } from '../../src/store/attached-run.js';
import { openRun, type Run } from '../../src/store/open-run.js';
import { importTrace } from '../../src/trace-file/import-trace.js';
import { blkscope } from './command-line.js';

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-regions-'));
});
after(() => rmSync(folder, { recursive: true }));

const cases: { name: string; model: SynthesizeOptions; limit: string }[] = [
  { name: 'dense', model: { preset: 'tiny-llama', layers: 24 }, limit: '44M' },
  { name: 'experts', model: { preset: 'tiny-gpt-oss', layers: 8, router: { zipf: 1 } }, limit: '48M' },
];

for (const { name, model, limit } of cases) {
  test(`${name}: regions add up to the model, and each is what SQL finds`, async () => {
    const path = join(folder, `${name}.gguf`);
    await synthesizeModel(path, model);
    const output = join(folder, name);
    const { exitCode, stderr } = await blkscope([
      ...['run', '--model', path, '--source', 'ftrace', '--mount', '--limit', limit, '-o', output],
      ...['--llama', 'vendor/llama/bin/llama-completion', '-n', '12', '-t', '1', '--readahead', '64'],
    ]);
    assert.equal(exitCode, 0, stderr);
    await using run = await openRun(output);
    const { summary } = run;
    assertAddsUp(summary);
    await assertTensors(run);
    await assertGeneration(run);
    await assertHeat(run);
    if (name === 'experts') assert.equal(summary.model?.experts?.length, 8 * 32);
    assertPhases(summary);
    await assertSavedAlike(run, path);
  });
}

/** A phase has every figure that the whole has. */
function assertPhases({ latency, phases }: Summary): void {
  const generation = phases?.generation;
  assert.ok(generation?.gaps.file && generation.latency.d2c);
  const total = Object.values(generation.sizes.read).reduce((sum, count) => sum + count, 0);
  assert.equal(total, generation.reads.count);
  const { count, max } = generation.latency.d2c;
  // What was in flight when the phase began has no latency.
  assert.ok(count <= total && count > 0.9 * total, `${count} of ${total}`);
  assert.ok(max <= (latency.d2c?.max ?? 0));
}

/** The same events as blktrace's files, imported with the model: the same figures of every region. */
async function assertSavedAlike(run: Run, model: string): Promise<void> {
  const base = `${run.path}-trace`;
  await exportRun(run, { format: 'blktrace', output: base });
  const saved = await importTrace({ paths: [base], model, output: `${run.path}-saved`, store: false });
  assert.equal(saved.problem, null);
  const figures = ({ summary: { model: told, reads, gaps, latency } }: Run) => ({
    ...{ reads, gaps, latency, coverage: told?.coverage, neverRead: told?.neverRead },
    regions: [told?.tensors, told?.layers, told?.roles, told?.experts].map((rows) =>
      rows?.map((row) => ({ ...row, generationBytes: null, bytesPerToken: null })),
    ),
  });
  assert.deepEqual(figures(saved.run), figures(run));
}

/** The stored touch map holds what generation read, and gives the summary's heat again. */
async function assertHeat(run: Run): Promise<void> {
  const { model, phases } = run.summary;
  const { tensors, layers, roles, experts, ...told } = await heat(run);
  assert.deepEqual(told, model?.heat);
  for (const rows of [tensors, layers, roles]) {
    assert.equal(
      rows.reduce((total, row) => total + row.readBytes, 0),
      phases?.generation?.model?.readBytes,
    );
  }
  assert.equal(experts.length, model?.experts?.length ?? 0);
  assert.equal(told.expertUse === null, experts.length === 0);
}

/** Tensors, layers and roles each hold every byte of the model once; a phase is no more than the whole. */
function assertAddsUp({ model, phases, workload }: Summary): void {
  assert.ok(model?.tensors && model.layers && model.roles && phases?.generation?.model);
  for (const rows of [model.tensors, model.layers, model.roles]) {
    for (const key of ['bytes', 'readBytes', 'uniqueBytes'] as const) {
      assert.equal(sum(rows, key), model[key], key);
    }
    assert.equal(sum(rows, 'generationBytes'), phases.generation.model.readBytes);
  }
  assert.ok((model.reReadFactor ?? 0) > 1, 'memory was not short enough to read anything twice');
  assert.equal(workload?.bytesPerToken, phases.generation.bytesPerToken);
  assert.ok(phases.generation.tokens);
}

function sum(rows: RegionFigures[], key: 'bytes' | 'readBytes' | 'uniqueBytes' | 'generationBytes'): number {
  return rows.reduce((total, row) => total + (row[key] ?? 0), 0);
}

// Bytes of the file that each completed read brought in: its overlap with each extent, cut at the file's end.
const pieces = (where: string) => `
  SELECT e.rowid AS read, x."fileOffset" + 512 * (greatest(e.sector, x.sector) - x.sector) AS start,
         x."fileOffset" + 512 * (least(e.sector + e.sectors, x.sector + x.sectors) - x.sector) AS stop
  FROM ${storedSchema}.event_row e JOIN extent x ON e.sector < x.sector + x.sectors AND x.sector < e.sector + e.sectors
  WHERE e.action = 'complete' AND e.direction = 'read' AND e.error = 0 AND e.sectors > 0 AND ${where}`;

async function assertTensors(run: Run): Promise<void> {
  const connection = await run.connect();
  const rows = await connection.runAndReadAll(`
    WITH piece AS (${pieces('true')}),
    place AS (SELECT coalesce(name, role) AS name, "fileOffset" AS start, "fileOffset" + bytes AS stop FROM tensor),
    part AS (
      SELECT name, read, greatest(piece.start, place.start) AS start, least(piece.stop, place.stop) AS stop
      FROM piece JOIN place ON piece.start < place.stop AND place.start < piece.stop
    ),
    ordered AS (
      SELECT *, max(stop) OVER (PARTITION BY name ORDER BY start, stop ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                AS before FROM part
    )
    SELECT name, count(DISTINCT read)::DOUBLE, sum(stop - start)::DOUBLE,
           sum(CASE WHEN stop > coalesce(before, 0) THEN stop - greatest(start, coalesce(before, 0)) ELSE 0 END)::DOUBLE
    FROM ordered GROUP BY name ORDER BY name`);
  const bySql = rows.getRows();
  const read = run.summary.model?.tensors?.filter((tensor) => tensor.reads > 0) ?? [];
  const told = read.map(({ name, reads, readBytes, uniqueBytes }) => [name, reads, readBytes, uniqueBytes]);
  told.sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1));
  assert.ok(told.length > 10);
  assert.deepEqual(told, bySql);
  connection.closeSync();
}

async function assertGeneration(run: Run): Promise<void> {
  const { generation } = run.summary.phases ?? {};
  assert.ok(generation);
  const connection = await run.connect();
  const within = `e.time >= ${generation.startNs} AND e.time < ${generation.endNs}`;
  const bytes = run.summary.model?.bytes;
  const rows = await connection.runAndReadAll(
    `SELECT coalesce(sum(least(stop, ${bytes}) - start), 0)::DOUBLE FROM (${pieces(within)})`,
  );
  assert.equal(generation.model?.readBytes, rows.getRows()[0]?.[0]);
  connection.closeSync();
}

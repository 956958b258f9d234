import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { upgraded } from '../../../src/figures/older-summary.js';
import { summarySchema } from '../../../src/figures/summary-schema.js';
import { renderComparison } from '../../../src/report/compare.js';
import { renderReport } from '../../../src/report/terminal.js';
import { openRun } from '../../../src/store/open-run.js';
import { summaryFixture } from './summary-fixture.js';

const fixture = fileURLToPath(new URL('../../fixtures/schema-1', import.meta.url));
const told = JSON.parse(readFileSync(join(fixture, 'summary.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'blkscope-schema-'));
after(() => rmSync(folder, { recursive: true }));

test('a run of schema 1 keeps every figure that it had, phases those of the whole, and what follows is derived', async () => {
  await using run = await openRun(fixture);
  const { summary } = run;
  assert.equal(summary.schema, 2);
  for (const key of [
    'reads',
    'writes',
    'sizes',
    'writeLatency',
    'queueDepthNs',
    'readers',
    'naive',
  ] as const) {
    assert.deepEqual(summary[key], told[key], key);
  }
  assert.deepEqual(summary.gaps, { ...told.gaps, order: null });
  assert.deepEqual(summary.latency, told.latency);
  assert.deepEqual(summary.timeline, told.timeline);
  assert.deepEqual({ ...summary.model, ...told.model }, summary.model);
  assert.equal(summary.peakBytesPerSecond, told.reads.bytes, 'it took one second');
  for (const name of ['load', 'prompt', 'generation'] as const) {
    const [phase, was] = [summary.phases?.[name], told.phases[name]];
    assert.ok(phase);
    assert.deepEqual({ ...phase.reads, ...was.reads }, phase.reads, name);
    assert.deepEqual({ ...phase.writes, ...was.writes }, phase.writes, name);
    assert.deepEqual({ ...phase.model, ...was.model }, phase.model, name);
    const { gaps: device, demandGaps: demand, fileGaps: file } = was;
    assert.deepEqual(phase.gaps, { device, demand, file, order: null });
    assert.deepEqual(phase.sizes.read, was.sizes);
    assert.deepEqual(phase.latency, was.latency);
    assert.equal(phase.bytesPerSecond, was.bytesPerSecond);
    assert.equal(phase.bytesPerToken, was.bytesPerToken);
    assert.equal(phase.readers, null, 'it did not tell');
  }
});

test('a run of schema 1 is reported, and compared with one of this schema', async () => {
  await using run = await openRun(fixture);
  assert.match(renderReport(run.summary), /load +\S+ s +27\.9 MiB/);
  const compared = renderComparison([
    { name: 'old', summary: run.summary },
    { name: 'new', summary: summaryFixture() },
  ]);
  assert.match(compared, /model bytes read +27\.9 MiB +100 MiB/);
});

test('causes were sentences', () => {
  const read = (integrity: object) =>
    summarySchema.parse(upgraded({ ...told, integrity: { ...told.integrity, ...integrity } })).integrity;
  assert.deepEqual(read({}).defects, []);
  assert.deepEqual(read({ complete: false, defects: ['a cause'] }).defects, [
    { code: 'EARLIER', message: 'a cause', mend: null, lowerBounds: true },
  ]);
  assert.equal(read({ complete: false, defects: [] }).defects[0]?.message, 'events were lost');
});

test('what the oldest runs of schema 1 did not have is null', () => {
  const { writeLatency: _, queueDepthNs: __, readers: ___, naive: ____, phases: _____, ...old } = told;
  const summary = summarySchema.parse(upgraded(old));
  assert.deepEqual(
    [summary.queueDepthNs, summary.readers, summary.naive, summary.phases],
    [null, null, null, null],
  );
  assert.equal(summary.writeLatency.d2c, null);
});

test('a figure that this schema got later is not known of the runs before', () => {
  const { contention, ...others } = summaryFixture(1, (summary) => {
    summary.contention = {
      ...{
        cpus: 2,
        cpuDelayNs: 1,
        cpuStallNs: 0,
        stealNs: 0,
        workloadCpuNs: 5,
        kernelCpuNs: 3,
        otherCpuNs: 1,
      },
      ...{ involuntarySwitches: 3, otherReadBytes: 0, otherMemoryBytes: 0 },
    };
  });
  const { kernelCpuNs: _, ...before } = contention as NonNullable<typeof contention>;
  assert.deepEqual(summarySchema.parse(upgraded({ ...others, contention: before })).contention, {
    ...before,
    kernelCpuNs: null,
  });
  assert.equal(summarySchema.parse(upgraded({ ...others, contention: null })).contention, null);
});

test('a damaged summary of schema 1 is refused', async () => {
  const run = join(folder, 'run');
  cpSync(fixture, run, { recursive: true });
  const { reads: _, ...damaged } = told;
  writeFileSync(join(run, 'summary.json'), JSON.stringify(damaged));
  await assert.rejects(openRun(run), { code: 'BAD_SUMMARY', message: /lacks figures that schema 1 has/ });
});

// `blkscope import` against blkparse and btt, on traces that blktrace made of known kinds of load. Where btt counts
// differently, the test computes its figure from the imported rows; docs/metrics.md tells why and shows the records.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exportRun } from '../../src/export/export-run.js';
import type { Summary } from '../../src/figures/summary-schema.js';
import { native } from '../../src/native/binding.js';
import type { Run } from '../../src/store/open-run.js';
import { importTrace } from '../../src/trace-file/import-trace.js';
import * as tools from './blktrace-tools.js';
import { bootGuest } from './guest.js';

const loads = readFileSync(new URL('crosscheck-loads.sh', import.meta.url), 'utf8');
const schedulers = ['none', 'mq-deadline'];
let folder: string;

interface Imported {
  summary: Summary;
  run: Run;
  /** Rows of a query on the run's events and requests. */
  query: (sql: string) => Promise<(string | number)[][]>;
}

describe('imported traces have the figures of blkparse and btt', { timeout: 300_000 }, () => {
  const runs: Run[] = [];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'blkscope-crosscheck-'));
    await using guest = await bootGuest({
      kernel: '7.3',
      disks: [{ sizeMiB: 256 }],
      modules: ['null_blk nr_devices=1 gb=1 queue_mode=2', 'dm-mod', 'mq-deadline'],
    });
    await guest.output(loads, { timeoutMs: 150_000 });
    writeFileSync(join(folder, 'traces.tar'), await guest.readFile('/tmp/traces.tar'));
    execFileSync('tar', ['xf', 'traces.tar'], { cwd: folder });
  });
  after(async () => {
    for (const run of runs) await run[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  async function imported(base: string): Promise<Imported> {
    const { run } = await importTrace({ paths: [join(folder, base)], output: join(folder, `run-${base}`) });
    runs.push(run);
    const connection = await run.connect();
    const query = async (sql: string) =>
      (await connection.runAndReadAll(sql)).getRowsJS() as (string | number)[][];
    return { run, summary: run.summary, query };
  }

  for (const scheduler of schedulers) {
    for (const load of ['sequential', 'random', 'mmap']) {
      const base = `${load}-${scheduler}`;
      test(`${base}: every figure of reads`, async () => {
        const trace = await imported(base);
        await agreesWithBlkparse(base, trace);
        const peer = tools.btt(folder, base, tools.readsAlone);
        assert.ok((peer.q2c?.count ?? 0) >= 100, JSON.stringify(peer));
        if (load === 'sequential') assert.ok((peer.q2m?.count ?? 0) > 10, JSON.stringify(peer));
        assert.equal(peer.i2d !== undefined, scheduler !== 'none');
        const led = await agreesWithBtt(trace, 'read', peer);
        if (base === 'sequential-mq-deadline') assert.ok(led > 0, 'no request was merged at its start');
      });
    }

    const base = `mixed-${scheduler}`;
    test(`${base}: every figure of reads and writes, with flushes and discards among them`, async () => {
      const trace = await imported(base);
      await agreesWithBlkparse(base, trace);
      await agreesWithBtt(trace, 'read', tools.btt(folder, base, tools.readsAlone));
      const writes = tools.btt(folder, base, tools.writesAlone);
      await agreesWithBtt(trace, 'write', writes);
      // To btt a discard is a write.
      const discards = tools.btt(folder, base, tools.writesAndDiscards);
      assert.equal((discards.q2c?.count as number) - (writes.q2c?.count as number), 20);
      await comesBack(base, trace);
    });
  }

  test('a device mapper target and the disk below it', async () => {
    const upper = await imported('dm-0');
    assert.deepEqual(upper.summary.source.actions, { Q: 150, C: 150 });
    const lower = await imported('vda');
    assert.equal(lower.summary.source.actions.A, 150);
    for (const [base, trace] of Object.entries({ 'dm-0': upper, vda: lower })) {
      await agreesWithBlkparse(base, trace);
      await agreesWithBtt(trace, 'read', tools.btt(folder, base, tools.readsAlone));
      await comesBack(base, trace);
    }
  });

  test('reads that are split: btt leaves them out, blkscope takes each part', async () => {
    const trace = await imported('split');
    await agreesWithBlkparse('split', trace);
    const [[queued, splits, completed] = []] = await trace.query(`
      SELECT count(*) FILTER (action = 'queue')::DOUBLE, count(*) FILTER (action = 'split')::DOUBLE,
             count(*) FILTER (action = 'complete')::DOUBLE FROM event WHERE direction = 'read'`);
    assert.ok((splits as number) > 0);
    assert.equal(completed, (queued as number) + (splits as number));
    const whole = await trace.query(`
      SELECT count(*)::DOUBLE FROM event q WHERE action = 'queue' AND direction = 'read'
        AND EXISTS (FROM event c WHERE c.action = 'complete' AND c.sector = q.sector AND c.sectors = q.sectors)`);
    const peer = tools.btt(folder, 'split', tools.readsAlone);
    assert.equal(peer.q2c?.count ?? 0, whole[0]?.[0]);
    assert.equal(trace.summary.latency.q2c?.count, completed);
    assert.equal(trace.summary.latency.d2c?.count, completed);
    await comesBack('split', trace);
  });

  test('a trace that lost events: the rest counts the same, and what is missing is told', async () => {
    const trace = await imported('dropped');
    const { summary } = trace;
    await agreesWithBlkparse('dropped', trace);
    assert.equal(summary.integrity.complete, false);
    assert.equal(summary.integrity.sequenceGaps, tools.skippedEvents(folder, 'dropped'));
    // blktrace also counts what was dropped after the last event of a CPU, which no number shows.
    const [, dropped] = /dropped (\d+)/.exec(readFileSync(join(folder, 'dropped.log'), 'utf8')) ?? [];
    assert.ok(summary.integrity.sequenceGaps > 0 && summary.integrity.sequenceGaps <= Number(dropped));
    const peer = tools.btt(folder, 'dropped', tools.readsAlone);
    assertSame(summary.latency.q2c, peer.q2c);
    // No sector is read twice here, so its events are those of one request.
    const [[allocated, finished] = []] = await trace.query(`
      WITH seen AS (SELECT sector, list(action::VARCHAR) AS of FROM event GROUP BY sector)
      SELECT count(*) FILTER (list_has_all(of, ['queue', 'getrq']))::DOUBLE,
             count(*) FILTER (list_has_all(of, ['queue', 'getrq', 'complete']))::DOUBLE FROM seen`);
    assert.equal(peer.q2g?.count, allocated); // btt counts when G comes,
    assert.equal(summary.latency.q2g?.count, finished); // blkscope when the request completes
    const [[issued, queuedToo] = []] = await trace.query(`
      WITH seen AS (SELECT sector, list(action::VARCHAR) AS of FROM event GROUP BY sector)
      SELECT count(*) FILTER (list_has_all(of, ['issue', 'complete']))::DOUBLE,
             count(*) FILTER (list_has_all(of, ['queue', 'issue', 'complete']))::DOUBLE FROM seen`);
    assert.equal(summary.latency.d2c?.count, issued); // needs no Q,
    assert.equal(peer.d2c?.count, queuedToo); // btt's does
  });
});

/** Exported as blktrace's files, blkparse lists every event as it was: with its number, process, payload and error. */
async function comesBack(base: string, { run }: Imported): Promise<void> {
  const again = `${base}-again`;
  assert.equal(await exportRun(run, { format: 'blktrace', output: join(folder, again) }), null);
  assert.equal(tools.listing(folder, again), tools.listing(folder, base));
}

/** The same events by action and direction, and the same sectors, in blkparse's list and in its summary. */
async function agreesWithBlkparse(base: string, { summary, query }: Imported): Promise<void> {
  const rows = await query(`
    SELECT action, direction, count(*)::DOUBLE, sum(sectors)::DOUBLE FROM event GROUP BY ALL ORDER BY ALL`);
  const letters = Object.fromEntries(
    native.actionNames.map((name, i) => [name, native.actionLetters[i] as string]),
  );
  const counts: tools.ActionCounts = {};
  const of = (action: string, direction: string) =>
    counts[`${letters[action]} ${direction}`] ?? { count: 0, sectors: 0 };
  for (const [action, direction, count, sectors] of rows) {
    counts[`${letters[action as string]} ${direction}`] = { count: Number(count), sectors: Number(sectors) };
  }
  // The empty completion of a flush by its bio is a write to both.
  assert.deepEqual(counts, tools.listedEvents(folder, base));

  const totals = tools.summaryTotals(folder, base);
  // The summary knows reads and writes alone: a discard is a write; so is a flush that is queued, while one that is
  // issued or completed is a read.
  const sum = (action: string, ...directions: string[]) => ({
    count: directions.reduce((total, direction) => total + of(action, direction).count, 0),
    kib: directions.reduce((total, direction) => total + of(action, direction).sectors, 0) / 2,
  });
  assert.deepEqual(totals['Reads Queued'], sum('queue', 'read'));
  assert.deepEqual(totals['Writes Queued'], sum('queue', 'write', 'discard', 'flush'));
  assert.deepEqual(totals['Read Dispatches'], sum('issue', 'read', 'flush'));
  assert.deepEqual(totals['Write Dispatches'], sum('issue', 'write', 'discard'));
  assert.deepEqual(totals['Reads Completed'], sum('complete', 'read', 'flush'));
  assert.deepEqual(totals['Writes Completed'], sum('complete', 'write', 'discard'));
  assert.equal(totals['Read Merges']?.count, of('backMerge', 'read').count + of('frontMerge', 'read').count);
  assert.equal(
    totals['Write Merges']?.count,
    of('backMerge', 'write').count + of('frontMerge', 'write').count,
  );
  // Where the issue was lost, the completion is no read or write; the flag 256 marks it.
  const [[unissuedReads, unissuedWrites] = []] = await query(`
    SELECT coalesce(sum(sectors) FILTER (direction = 'read'), 0)::DOUBLE,
           coalesce(sum(sectors) FILTER (direction = 'write'), 0)::DOUBLE FROM event WHERE flags & 256 > 0`);
  const { readSectorsTraced, writeSectorsTraced } = summary.integrity;
  assert.equal(readSectorsTraced, of('complete', 'read').sectors - Number(unissuedReads));
  assert.equal(writeSectorsTraced, of('complete', 'write').sectors - Number(unissuedWrites));
}

/**
 * The same numbers, smallest, largest and mean times of every stage that btt tells. Returns how many requests were led
 * into the scheduler by a bio that had been merged at their start.
 */
async function agreesWithBtt(
  { summary, query }: Imported,
  direction: 'read' | 'write',
  peer: tools.BttStages,
): Promise<number> {
  const ours = direction === 'read' ? summary.latency : summary.writeLatency;
  for (const stage of ['q2c', 'q2g', 'q2m', 'i2d'] as const) assertSame(ours?.[stage], peer[stage], stage);
  // A bio that was merged at the start of a request leads it into the scheduler; it has no G, so btt has no G2I.
  const [[led] = []] = await query(`
    SELECT count(*)::DOUBLE FROM event i WHERE action = 'insert' AND direction = '${direction}'
      AND EXISTS (FROM event m WHERE m.action = 'frontMerge' AND m.sector = i.sector AND m.time < i.time)`);
  if (led === 0) assertSame(ours?.g2i, peer.g2i, 'g2i');
  else assert.equal((peer.g2i?.count ?? 0) + (led as number), ours?.g2i?.count);
  // btt counts D2C for every bio of a request, blkscope once a request.
  const [[count, min, mean, max, requests] = []] = await query(`
    SELECT sum(merges + 1)::DOUBLE, min(complete - issue)::DOUBLE,
           (sum((complete - issue) * (merges + 1)) / sum(merges + 1))::DOUBLE, max(complete - issue)::DOUBLE,
           count(*)::DOUBLE
    FROM io WHERE direction = '${direction}' AND issue IS NOT NULL HAVING count(*) > 0`);
  const weighted =
    count === undefined
      ? null
      : { count: Number(count), min: Number(min), mean: Number(mean), max: Number(max) };
  assertSame(weighted, peer.d2c, 'd2c');
  assert.equal(ours?.d2c?.count ?? 0, requests ?? 0);
  return led as number;
}

/** btt prints whole nanoseconds. */
function assertSame(
  ours: { count: number; min: number; mean: number; max: number } | null | undefined,
  peer: tools.BttStage | undefined,
  stage = '',
): void {
  const figures = ours && { count: ours.count, min: ours.min, mean: Math.round(ours.mean), max: ours.max };
  if (figures && peer && Math.abs((ours?.mean ?? 0) - peer.mean) <= 0.51) figures.mean = peer.mean;
  assert.deepEqual(figures ?? undefined, peer, stage);
}

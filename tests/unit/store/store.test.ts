import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { leftovers, removeLeftovers } from '../../../src/files/partial.js';
import type { NativeBatch } from '../../../src/native/trace.js';
import { findRuns } from '../../../src/store/find-runs.js';
import { openRun } from '../../../src/store/open-run.js';
import { StoreWriter } from '../../../src/store/store.js';
import { summaryFixture } from '../figures/summary-fixture.js';

const names = {
  actions: ['queue', 'getrq', 'insert', 'issue', 'complete'],
  directions: ['none', 'read', 'write', 'discard', 'flush'],
};

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-store-'));
});
after(() => rmSync(folder, { recursive: true }));

/** Reads of 8 sectors each, one after the other, issued and completed, from time `start` on. */
function batchOf(rows: number, start: number): NativeBatch {
  const column = <T>(make: (i: number) => T) => Array.from({ length: rows }, (_, i) => make(start + i));
  return {
    length: rows,
    time: BigUint64Array.from(column((i) => BigInt(i) * 1000n)),
    sector: BigUint64Array.from(column((i) => BigInt(i >> 1) * 8n)),
    payload: new BigUint64Array(rows),
    bytes: Uint32Array.from(column(() => 4096)),
    pid: Uint32Array.from(column((i) => 100 + (i % 3))),
    device: Uint32Array.from(column(() => 254 << 20)),
    fromDevice: new Uint32Array(rows),
    cpu: Uint16Array.from(column((i) => i % 2)),
    error: Uint16Array.from(column((i) => (i === 9 ? 5 : 0))),
    flags: Uint16Array.from(column(() => 2)),
    action: Uint8Array.from(column((i) => (i % 2 === 0 ? 3 : 4))),
    direction: Uint8Array.from(column(() => 1)),
  };
}

async function writeRun(path: string): Promise<void> {
  const store = await StoreWriter.create(join(path, 'trace.duckdb'), names);
  // 5,000 rows do not fill the last chunk of 2,048; one row alone is a chunk of its own.
  assert.equal(await store.writeTrace([batchOf(5000, 0), batchOf(1, 5000), batchOf(0, 5001)]), 5001);
  const ran = { pids: Uint32Array.of(100, 101, 7), names: ["llama-cli's", 'kworker/0:1', 'of another disk'] };
  await store.writeProcesses(ran);
  await store.writeDevices([{ number: 254 << 20, name: 'vda', layered: false }]);
  await store.writeExtents([
    {
      path: '/models/tiny.gguf',
      extents: {
        bytes: 40 * 512,
        fileOffsets: BigUint64Array.of(0n, 4096n),
        sectors: BigUint64Array.of(4n, 1000n),
        sectorCounts: BigUint64Array.of(8n, 32n),
      },
    },
  ]);
  const summary = JSON.stringify(summaryFixture());
  await store.finish(summary);
  writeFileSync(join(path, 'summary.json'), summary);
  writeFileSync(join(path, 'config.json'), '{"kind":"run"}');
}

test('events come back from the store as they went in', async () => {
  await writeRun(folder);
  await using run = await openRun(folder);
  assert.deepEqual(run.summary, summaryFixture());
  assert.equal(run.config.kind, 'run');
  const db = await run.connect();
  const totals = await db.runAndReadAll(
    `SELECT count(*)::INT, sum(time)::UBIGINT, sum(sector)::UBIGINT, sum(sectors)::INT, sum(error)::INT,
            count(*) FILTER (action = 'complete')::INT, count(*) FILTER (direction = 'read')::INT FROM event`,
  );
  const n = 5001n;
  const sectorSum = Array.from({ length: 5001 }, (_, i) => BigInt(i >> 1) * 8n).reduce((a, b) => a + b);
  assert.deepEqual(totals.getRows(), [
    [5001, ((n * (n - 1n)) / 2n) * 1000n, sectorSum, 5001 * 8, 5, 2500, 5001],
  ]);
  const row = await db.runAndReadAll('SELECT * FROM event WHERE time = 3000');
  assert.deepEqual(row.columnNames(), [
    'time',
    'device',
    'cpu',
    'action',
    'direction',
    'sector',
    'sectors',
    'pid',
    'process',
    'flags',
    'error',
  ]);
  assert.deepEqual(row.getRows(), [
    [3000n, 254 << 20, 1, 'complete', 'read', 8n, 8, 100, "llama-cli's", 2, 0],
  ]);
  assert.deepEqual((await db.runAndReadAll('SELECT pid FROM process ORDER BY pid')).getRows(), [
    [100],
    [101],
  ]);
  assert.deepEqual((await db.runAndReadAll('SELECT process FROM event WHERE pid = 102 LIMIT 1')).getRows(), [
    [null],
  ]);
  const stored = await db.runAndReadAll(`SELECT summary->>'$.model.files[0]' FROM run`);
  assert.deepEqual(stored.getRows(), [['/models/tiny.gguf']]);
});

test('a kill while events are written leaves earlier runs as they were, and a half one that is found', async () => {
  const runs = join(folder, 'runs');
  mkdirSync(join(runs, 'earlier'), { recursive: true });
  await writeRun(join(runs, 'earlier'));
  const earlier = readFileSync(join(runs, 'earlier', 'trace.duckdb'));
  const script = fileURLToPath(new URL('endless-store.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, join(runs, 'killed')], {
    stdio: 'inherit',
  });
  const half = () => join(runs, readdirSync(runs).find((name) => name.startsWith('.killed.')) ?? 'none yet');
  const written = () => statSync(join(half(), 'trace.duckdb'), { throwIfNoEntry: false })?.size ?? 0;
  while (written() < 2 ** 20 && child.exitCode === null) await sleep(10);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(child.signalCode, 'SIGKILL');
  const left = half();
  assert.deepEqual(leftovers(runs), [left]);
  assert.deepEqual(findRuns([join(runs, '*')]), [join(runs, 'earlier')]);
  assert.deepEqual(removeLeftovers(runs), [left]);
  assert.deepEqual(readdirSync(runs), ['earlier']);
  assert.ok(readFileSync(join(runs, 'earlier', 'trace.duckdb')).equals(earlier));
});

test('what is no run, or of another schema, is refused with the reason', async () => {
  const refuse = (code: string, message: RegExp) =>
    assert.rejects(openRun(folder), { name: 'BlkscopeError', code, message });
  const edit = (from: RegExp, to: string) => {
    const path = join(folder, 'summary.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
  };
  await assert.rejects(openRun(join(folder, 'nowhere')), { code: 'ENOENT', message: /no such run folder/ });
  await assert.rejects(openRun(tmpdir()), { code: 'NOT_A_RUN', message: /has no summary\.json/ });
  edit(/"schema":2/, '"schema":3');
  await refuse('SCHEMA_VERSION', /newer blkscope wrote it: update/);
  edit(/"schema":3/, '"schema":0');
  await refuse('BAD_SCHEMA', /names no summary schema/);
  edit(/"schema":0/, '"schema":2');
  edit(/"count":\d+/, '"count":"many"');
  await refuse('BAD_SUMMARY', /reads\.count: .*changed or is damaged/);
  writeFileSync(join(folder, 'summary.json'), '{');
  await refuse('BAD_RUN', /cannot be read/);
});

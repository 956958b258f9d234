// The ground truth on a real disk: a file of known size, read cold, is in the trace to the sector.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openRun, type Run } from '../../src/store/open-run.js';
import { blkscope } from './command-line.js';
import { machineState } from './machine-state.js';

const MiB = 2 ** 20;
const bytes = 96 * MiB + 4096;
let folder: string;
let file: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-cold-'));
  file = join(folder, 'file');
  const fd = openSync(file, 'w');
  const block = randomBytes(MiB);
  for (let at = 0; at < bytes; at += block.length) writeSync(fd, block, 0, Math.min(MiB, bytes - at));
  fsyncSync(fd);
  closeSync(fd);
});

after(() => rmSync(folder, { recursive: true }));

async function sectorsReadBefore(run: Run, ns: number): Promise<number> {
  const connection = await run.connect();
  const sql = `SELECT coalesce(sum(sectors), 0)::BIGINT FROM event
    WHERE action = 'complete' AND direction = 'read' AND error = 0 AND time < ?::UBIGINT`;
  return Number((await connection.runAndReadAll(sql, [BigInt(ns)])).getRows()[0]?.[0]);
}

/** fio reads the whole file once through `engine`, after evicting it. */
const reader = (...options: string[]) => [
  'fio',
  '--name=read',
  `--filename=${file}`,
  `--size=${bytes}`,
  '--rw=read',
  '--invalidate=1',
  ...options,
];

for (const [how, command] of [
  ['buffered', reader('--bs=128k')],
  ['mapped', reader('--bs=4k', '--ioengine=mmap')],
  ['direct, 4 KiB blocks in random order', reader('--bs=4k', '--direct=1', '--rw=randread')],
] as const) {
  test(`read once, ${how}: traced to the sector`, async () => {
    const before = machineState();
    const output = join(folder, how);
    const { exitCode, stderr } = await blkscope([
      ...['record', '--source', 'ftrace', '--mount', '--file', file, '-o', output, '--'],
      ...command,
    ]);
    assert.equal(exitCode, 0, stderr);
    await using run = await openRun(output);
    const { model, reads, integrity } = run.summary;
    assert.ok(model);
    assert.equal(model.bytes, bytes);
    assert.equal(model.readBytes, bytes);
    assert.equal(model.uniqueBytes, bytes);
    assert.equal(model.coverage, 1);
    assert.equal(model.reReadFactor, 1);
    if (how.startsWith('direct')) assert.equal(model.reads, bytes / 4096);
    assert.equal(integrity.eventsDropped, 0);
    assert.equal(integrity.readSectorsTraced, reads.bytes / 512);
    // The disk's counters are read just after the trace has begun: what another process read in between is traced alone.
    const early = await sectorsReadBefore(run, run.summary.timeline.startNs);
    assert.equal(integrity.readSectorsTraced - early, integrity.readSectorsDiskstats);
    assert.deepEqual(machineState(), before);
  });
}

test('read twice: the factor is 2, unique bytes stay', async () => {
  const output = join(folder, 'twice');
  const { exitCode, stderr } = await blkscope([
    ...['record', '--source', 'ftrace', '--mount', '--file', file, '-o', output, '--'],
    ...reader('--bs=4k', '--direct=1', '--loops=2'),
  ]);
  assert.equal(exitCode, 0, stderr);
  await using run = await openRun(output);
  assert.equal(run.summary.model?.readBytes, 2 * bytes);
  assert.equal(run.summary.model?.uniqueBytes, bytes);
  assert.equal(run.summary.model?.reReadFactor, 2);
  const connection = await run.connect();
  const sql = `SELECT sum(sectors)::BIGINT FROM event WHERE action = 'complete' AND direction = 'read'`;
  const stored = (await connection.runAndReadAll(sql)).getRows()[0]?.[0];
  assert.equal(Number(stored) * 512, run.summary.reads.bytes, 'the store has what the summary counts');
  const requests = `SELECT count(*), sum(sectors)::BIGINT FROM io WHERE direction = 'read' AND issue < complete`;
  const [matched, sectors] = (await connection.runAndReadAll(requests)).getRows()[0] as [bigint, bigint];
  assert.equal(Number(matched), run.summary.reads.count, 'each read is one row of io');
  assert.equal(Number(sectors) * 512, run.summary.reads.bytes);
});

test('gaps are the completed reads less one, however often the disk gave reads back; the same from SQL', async () => {
  const output = join(folder, 'deep');
  const { exitCode, stderr } = await blkscope([
    ...['record', '--source', 'ftrace', '--mount', '--file', file, '-o', output, '--'],
    ...reader('--bs=4k', '--direct=1', '--rw=randread', '--ioengine=libaio', '--iodepth=512', '--numjobs=2'),
  ]);
  assert.equal(exitCode, 0, stderr);
  await using run = await openRun(output);
  const { gaps, requests, source } = run.summary;
  const connection = await run.connect();
  const one = async (sql: string) => Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
  const total = Object.values(gaps.device ?? {}).reduce((sum, n) => sum + n, 0);
  assert.equal(
    total,
    (await one(`SELECT count(*) FROM io WHERE direction = 'read' AND issue IS NOT NULL`)) - 1,
  );
  assert.equal(total, await one(`SELECT count(*) FROM gap WHERE direction = 'read'`));
  assert.equal(requests.requeues, source.actions.R ?? 0);
});

test('a range that was not read is not covered', async () => {
  const output = join(folder, 'half');
  const { exitCode, stderr } = await blkscope([
    ...['record', '--source', 'ftrace', '--mount', '--file', file, '-o', output, '--'],
    ...reader('--bs=64k', '--direct=1', `--io_size=${32 * MiB}`),
  ]);
  assert.equal(exitCode, 0, stderr);
  await using run = await openRun(output);
  assert.equal(run.summary.model?.uniqueBytes, 32 * MiB);
  assert.equal(run.summary.model?.coverage, (32 * MiB) / bytes);
});

// Devices that lie on one another, completions that are no reads, and times that begin at 0.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { renderReport } from '../../../src/report/terminal.js';
import { importTrace } from '../../../src/trace-file/import-trace.js';
import { actions, Records } from './records.js';

const second = 1_000_000_000n;
const disk = (8 << 20) | 16;
const mapper = 253 << 20;
let folder: string;
let runs = 0;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-devices-'));
});
after(() => rmSync(folder, { recursive: true }));

async function imported(files: Record<string, Records>) {
  for (const [name, records] of Object.entries(files)) writeFileSync(join(folder, name), records.bytes);
  const names = Object.keys(files).map((name) => join(folder, name.replace('.blktrace.0', '')));
  return (await importTrace({ paths: names, output: join(folder, `run-${runs++}`) })).run;
}

test('of a mapped device and its disk each byte is counted once, and both are told', async () => {
  const [above, below] = [new Records(0, mapper), new Records(0, disk)];
  for (let i = 0; i < 10; i++) {
    const at = 5000n * second + BigInt(i) * 1_000_000n;
    const sector = 100 + 8 * i;
    above.add(at, actions.queue, sector).add(at + 51_000n, actions.complete, sector);
    below.remap(at + 100n, sector + 2048, mapper, sector).add(at + 200n, actions.queue, sector + 2048);
    below.add(at + 400n, actions.issue, sector + 2048).add(at + 50_000n, actions.complete, sector + 2048);
  }
  await using run = await imported({ 'dm-0.blktrace.0': above, 'sda.blktrace.0': below });
  const { reads, devices, gaps, latency, readers } = run.summary;
  assert.equal(reads.bytes, 40_960);
  assert.equal(reads.uniqueSectors, 80);
  assert.equal(latency.q2c?.count, 10);
  assert.equal(
    readers?.reduce((sum, reader) => sum + reader.reads, 0),
    10,
  );
  assert.deepEqual(
    devices?.map(({ number, layered, reads: own, order }) => [number, layered, own.bytes, order]),
    [
      [mapper, true, 40_960, 'queue'],
      [disk, false, 40_960, 'issue'],
    ],
  );
  assert.equal(gaps.order, 'issue');
  const db = await run.connect();
  const methods = (await db.runAndReadAll('SELECT DISTINCT sectors FROM unique_sectors')).getRows();
  assert.deepEqual(methods, [[80n]]);
  assert.deepEqual((await db.runAndReadAll('SELECT sum(read_bytes)::BIGINT FROM bandwidth')).getRows(), [
    [40_960n],
  ]);
  const report = renderReport(run.summary, { all: true }).replaceAll(/\s+/g, ' ');
  assert.match(report, /passed on to another of these devices: not in the figures above/);
  assert.match(renderReport(run.summary).replaceAll(/\s+/g, ' '), /passes on to it, and is in no sum/);
});

test('where no remap tells which device lies on which, it is told that sums may count bytes twice', async () => {
  const remarksOf = async (files: Record<string, Records>) => {
    await using run = await imported(files);
    return run.summary.integrity.remarks.map(({ code, message }) => [code, message.split(' ', 1)[0]]);
  };
  const reads = (number: number, begin: number = actions.issue) => {
    const records = new Records(0, number);
    for (let i = 0n; i < 5n; i++) {
      records.add(second * i, begin, 8).add(second * i + 100_000n, actions.complete, 8);
    }
    return records;
  };
  const unknown = ['LOSS_UNKNOWN', 'whether'];
  const loop = 7 << 20;
  const onLoop = { 'loop0.blktrace.0': reads(loop), 'sda.blktrace.0': reads(disk) };
  assert.deepEqual(await remarksOf(onLoop), [unknown, ['LAYERS_UNKNOWN', '7:0']]);
  const mapped = { 'dm-0.blktrace.0': reads(mapper, actions.queue), 'sda.blktrace.0': reads(disk) };
  assert.deepEqual(await remarksOf(mapped), [unknown, ['LAYERS_UNKNOWN', '253:0']]);
  const remapped = reads(disk).remap(9n * second, 2056, mapper, 8);
  assert.deepEqual(await remarksOf({ ...mapped, 'sda.blktrace.0': remapped }), [unknown]);
  assert.deepEqual(await remarksOf({ 'sda.blktrace.0': reads(disk), 'sdb.blktrace.0': reads(disk + 16) }), [
    unknown,
  ]);
  assert.deepEqual(await remarksOf({ 'dm-0.blktrace.0': reads(mapper, actions.queue) }), [unknown]);
});

test('a device that tells of no issue has its gaps in demand order, and the view gap too', async () => {
  const records = new Records(0, mapper);
  for (let i = 0; i < 4; i++) records.add(second + BigInt(i), actions.queue, 8 * i);
  for (const i of [3, 1, 0, 2]) records.add(2n * second + BigInt(i), actions.complete, 8 * i);
  await using run = await imported({ 'md0.blktrace.0': records });
  assert.equal(run.summary.gaps.order, 'queue');
  assert.deepEqual(run.summary.gaps.device, { sequential: 3, small: 0, medium: 0, large: 0, backward: 0 });
  const classes = await (await run.connect()).runAndReadAll('SELECT class FROM gap');
  assert.deepEqual(classes.getRows(), [['sequential'], ['sequential'], ['sequential']]);
  assert.match(renderReport(run.summary, { all: true }), /demand order: as queued, since the device/);
});

test('second completions are no reads, in the summary as in SQL; they are told', async () => {
  const records = new Records();
  for (let i = 0; i < 5; i++) {
    const at = BigInt(1000 + i) * second;
    records.read(at, 8 + 8 * i).add(at + 500_000n, actions.complete, 8 + 8 * i);
  }
  await using run = await imported({ 'sdb.blktrace.0': records });
  const { reads, requests, integrity } = run.summary;
  assert.deepEqual([reads.count, reads.bytes, reads.reReadFactor], [5, 20_480, 1]);
  assert.equal(requests.unmatched, 5);
  assert.ok(integrity.remarks.some(({ code }) => code === 'UNMATCHED'));
  const db = await run.connect();
  const one = async (sql: string) => Number((await db.runAndReadAll(sql)).getRows()[0]?.[0]);
  assert.equal(await one('SELECT count(*) FROM completed'), 5);
  assert.equal(await one('SELECT sum(reads)::BIGINT FROM bandwidth'), 5);
  assert.equal(await one('SELECT count(*) FROM io'), 5);
  assert.equal(await one('SELECT count(*) FROM event WHERE flags & 256 > 0'), 5);
});

test('without issues, second completions are no reads either; those of what was in flight are', async () => {
  const records = new Records(0, mapper);
  records.add(second, actions.complete, 800).add(second + 1n, actions.complete, 808);
  for (let i = 0; i < 20; i++) {
    const at = BigInt(2 + i) * second;
    const place = 8 * (i % 5);
    records.add(at, actions.queue, place);
    for (const after of [300_000n, 310_000n]) records.add(at + after, actions.complete, place);
  }
  // By another processor's clock this one ends before it begins.
  records.add(30n * second, actions.complete, 0).add(30n * second + 900n, actions.queue, 0);
  await using run = await imported({ 'dm-0.blktrace.0': records });
  const { reads, requests, integrity } = run.summary;
  assert.deepEqual([reads.count, reads.bytes, reads.uniqueSectors], [23, 23 * 4096, 56]);
  assert.deepEqual([requests.unmatched, requests.open], [22, 0]);
  assert.ok(integrity.remarks.some(({ code }) => code === 'UNMATCHED'));
  const db = await run.connect();
  const one = async (sql: string) => Number((await db.runAndReadAll(sql)).getRows()[0]?.[0]);
  for (const view of ['completed', 'io']) assert.equal(await one(`SELECT count(*) FROM ${view}`), 23);
  assert.equal(await one('SELECT count(*) FROM event WHERE flags & 256 > 0'), 21);
});

test('time 0 is a time: a dump that begins there has its latency, also in SQL', async () => {
  const records = new Records().add(0n, actions.issue, 8).add(500_000n, actions.complete, 8);
  await using run = await imported({ 'dump.bin': records });
  assert.equal(run.summary.latency.d2c?.mean, 500_000);
  assert.equal(run.summary.latency.q2c, null);
  const db = await run.connect();
  assert.deepEqual((await db.runAndReadAll('SELECT queue, issue, complete FROM io')).getRows(), [
    [null, 0n, 500_000n],
  ]);
  assert.deepEqual((await db.runAndReadAll('SELECT span, mean FROM latency')).getRows(), [['d2c', 500_000]]);
});

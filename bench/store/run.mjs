#!/usr/bin/env node
// How fast each format is written, how large it is and what memory it takes, beside the route by CSV.
//   node bench/store/run.mjs [MILLIONS...]     default: 1 5; 50 takes minutes and 6 GB of disk
// Each line is a process of its own, so that its peak memory is its own. Needs the build (npm run build).
// read_csv is half of the CSV route: a CSV of the same events into a closed database. What blkparse takes to write its
// text comes on top and is not timed here.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { exportRun } from '../../dist/export/export-run.js';
import { native } from '../../dist/native.js';
import { Run } from '../../dist/store/open-run.js';
import { StoreWriter } from '../../dist/store/store.js';

const batchRows = 65_536;
const actions = ['queue', 'getrq', 'issue', 'complete'].map((name) => native.actionNames.indexOf(name));
const read = native.directionNames.indexOf('read');

// Four events a read; most reads follow on the one before, some jump; two CPUs and two processes.
function batch(first, length) {
  const column = (Type, value) => Type.from({ length }, (_, i) => value(first + i));
  return {
    length,
    time: column(BigUint64Array, (i) => BigInt(i * 700 + ((i * 40503) % 251)) + 10n ** 12n),
    sector: column(BigUint64Array, (i) =>
      BigInt((i >> 2) % 7 === 0 ? ((i >> 2) * 7919) % 2 ** 25 : (i >> 2) * 256),
    ),
    bytes: new Uint32Array(length).fill(131072),
    pid: column(Uint32Array, (i) => 1234 + ((i >> 8) & 1)),
    device: new Uint32Array(length).fill(253 << 20),
    cpu: column(Uint16Array, (i) => (i >> 5) & 1),
    error: new Uint16Array(length),
    flags: new Uint16Array(length).fill(1),
    action: column(Uint8Array, (i) => actions[i & 3]),
    direction: new Uint8Array(length).fill(read),
  };
}

async function writeStore(folder, events) {
  let writing = 0n;
  const store = await StoreWriter.create(join(folder, 'trace.duckdb'), {
    actions: native.actionNames,
    directions: native.directionNames,
  });
  // Making the events is not part of writing them.
  const timed = async (work) => {
    const start = process.hrtime.bigint();
    await work();
    writing += process.hrtime.bigint() - start;
  };
  let making = 0n;
  function* batches() {
    for (let first = 0; first < events; first += batchRows) {
      const start = process.hrtime.bigint();
      const made = batch(first, Math.min(batchRows, events - first));
      making += process.hrtime.bigint() - start;
      yield made;
    }
  }
  await timed(() => store.writeTrace(batches()));
  await timed(() => store.finish('{}'));
  return Number(writing - making) / 1e9;
}

// Seconds from the text of the events to a closed database: what read_csv takes.
async function readCsv(folder) {
  const start = process.hrtime.bigint();
  const instance = await DuckDBInstance.create(join(folder, 'from-csv.duckdb'));
  const connection = await instance.connect();
  await connection.run(`CREATE TABLE event AS FROM read_csv('${join(folder, 'events.csv')}')`);
  await connection.run('CHECKPOINT');
  connection.closeSync();
  instance.closeSync();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

async function exportAs(folder, format) {
  const run = new Run(folder, {}, { machine: { host: 'bench' } });
  const output = join(folder, `events.${format}`);
  const start = process.hrtime.bigint();
  await exportRun(run, { format, output });
  return Number(process.hrtime.bigint() - start) / 1e9;
}

const targets = {
  store: 'trace.duckdb',
  parquet: 'events.parquet/event/run=run/host=bench/event.parquet',
  csv: 'events.csv',
  jsonl: 'events.jsonl',
  perfetto: 'events.perfetto',
  read_csv: 'from-csv.duckdb',
};

async function one(folder, name, events) {
  const works = { store: () => writeStore(folder, events), read_csv: () => readCsv(folder) };
  const seconds = await (works[name] ?? (() => exportAs(folder, name)))();
  const bytes = statSync(join(folder, targets[name])).size;
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(JSON.stringify({ seconds, bytes, peakMiB }));
}

function all(millions) {
  process.stdout.write('events     written as  seconds  rows/s      bytes/event  peak MiB\n');
  for (const million of millions) {
    const parent = mkdtempSync(join(tmpdir(), 'blkscope-bench-'));
    const folder = join(parent, 'run');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), '{}');
    for (const name of Object.keys(targets)) {
      const child = spawnSync(process.execPath, [
        fileURLToPath(import.meta.url),
        '--one',
        folder,
        name,
        million * 1e6,
      ]);
      if (child.status !== 0) throw new Error(`${name}: ${child.stderr}`);
      const { seconds, bytes, peakMiB } = JSON.parse(child.stdout);
      const rate = `${((million * 1e6) / seconds / 1e6).toFixed(2)} M`;
      const cells = [
        `${million} M`.padEnd(9),
        name.padEnd(10),
        seconds.toFixed(2).padStart(7),
        rate.padEnd(10),
      ];
      cells.push((bytes / (million * 1e6)).toFixed(2).padStart(11), peakMiB.toFixed(0).padStart(8));
      process.stdout.write(`${cells.join('  ')}\n`);
    }
    rmSync(parent, { recursive: true });
  }
}

const [first, ...rest] = process.argv.slice(2);
if (first === '--one') await one(rest[0], rest[1], Number(rest[2]));
else all(first ? [first, ...rest].map(Number) : [1, 5]);

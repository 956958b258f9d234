#!/usr/bin/env node
// How fast each format is written, how large it is and what memory it takes, beside the route by CSV.
//   npm run bench:store -- [--quick] [MILLIONS...] [--rounds N] [--only FORMAT,...] [--json FILE]
// Default: 1 and 5 million events, 3 rounds, all formats; --quick: a fifth of a million. 50 million take 10 GB of disk, and blkparse as much memory.
// Every format is written once a round, one after the other, each by a process of its own, so that its peak memory is
// its own; medians of the rounds are printed. The CSV route is what one does without blkscope: blkparse makes a CSV
// file of the trace (blkparse), read_csv and a checkpoint make a database of it (read_csv).
// Needs the build (npm run build) and blkparse (apt install blktrace).
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { exportRun } from '../../dist/export/export-run.js';
import { native } from '../../dist/native/binding.js';
import { Run } from '../../dist/store/open-run.js';
import { StoreWriter } from '../../dist/store/store.js';
import { spread } from '../spread.ts';

const batchRows = 65_536;
const actions = ['queue', 'getrq', 'issue', 'complete'].map((name) => native.actionNames.indexOf(name));
const read = native.directionNames.indexOf('read');

/** A 64-bit column by its halves: BigInts would leave the garbage collector's work to what is measured. */
function column64(first, length, value) {
  const halves = new Uint32Array(2 * length);
  for (let i = 0; i < length; i++) {
    const number = value(first + i);
    halves[2 * i] = number;
    halves[2 * i + 1] = number / 2 ** 32;
  }
  return new BigUint64Array(halves.buffer);
}

// Four events a read; most reads follow on the one before, some jump; two CPUs and two processes.
function batch(first, length) {
  const column = (Type, value) => Type.from({ length }, (_, i) => value(first + i));
  return {
    length,
    time: column64(first, length, (i) => 1e12 + i * 700 + ((i * 40503) % 251)),
    sector: column64(first, length, (i) => {
      const io = Math.floor(i / 4);
      return io % 7 === 0 ? (io * 7919) % 2 ** 25 : io * 256;
    }),
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

const seconds = (from) => Number(process.hrtime.bigint() - from) / 1e9;

async function writeStore(folder, events) {
  let making = 0;
  function* batches() {
    for (let first = 0; first < events; first += batchRows) {
      const start = process.hrtime.bigint();
      const made = batch(first, Math.min(batchRows, events - first));
      making += seconds(start);
      yield made;
    }
  }
  const start = process.hrtime.bigint();
  const store = await StoreWriter.create(join(folder, 'trace.duckdb'), {
    actions: native.actionNames,
    directions: native.directionNames,
  });
  await store.writeTrace(batches());
  await store.writeProcesses({ pids: Uint32Array.of(1234, 1235), names: ['llama-cli', 'kworker/0:1'] });
  await store.finish('{}');
  return seconds(start) - making;
}

function blkparse(folder) {
  const start = process.hrtime.bigint();
  const format = '%T.%9t,%M:%m,%c,%a,%d,%S,%n,%p,%C\\n';
  const options = ['-q', '-D', folder, '-i', 'trace', '-f', format, '-o', join(folder, 'blkparse.csv')];
  const { status, stderr, error } = spawnSync('blkparse', options);
  if (status !== 0) throw new Error(`blkparse: ${error?.message ?? stderr}`);
  return seconds(start);
}

/** Seconds from the text of the events to a closed database. */
async function readCsv(folder) {
  const start = process.hrtime.bigint();
  const instance = await DuckDBInstance.create(join(folder, 'from-csv.duckdb'));
  const connection = await instance.connect();
  await connection.run(
    `CREATE TABLE event AS FROM read_csv('${join(folder, 'blkparse.csv')}', header = false, names = [
       'time', 'device', 'cpu', 'action', 'rwbs', 'sector', 'sectors', 'pid', 'process'])`,
  );
  await connection.run('CHECKPOINT');
  connection.closeSync();
  instance.closeSync();
  return seconds(start);
}

async function exportAs(folder, format, output) {
  const config = { machine: { host: 'bench' }, startedAt: '2026-01-01T00:00:00.000Z', startedNs: 1e12 };
  const run = new Run(folder, {}, config);
  const start = process.hrtime.bigint();
  await exportRun(run, { format, output: join(folder, output) });
  return seconds(start);
}

/** In this order: the later read what the earlier wrote. */
const works = {
  'trace.duckdb': (folder, events) => writeStore(folder, events),
  parquet: (folder) => exportAs(folder, 'parquet', 'dataset'),
  csv: (folder) => exportAs(folder, 'csv', 'events.csv'),
  jsonl: (folder) => exportAs(folder, 'jsonl', 'events.jsonl'),
  perfetto: (folder) => exportAs(folder, 'perfetto', 'events.json'),
  blktrace: (folder) => exportAs(folder, 'blktrace', 'trace'),
  blkparse: (folder) => blkparse(folder),
  read_csv: (folder) => readCsv(folder),
};

/** What is written, and needed no more by a later work. */
const outputs = { parquet: 'dataset', csv: 'events.csv', jsonl: 'events.jsonl', perfetto: 'events.json' };

function bytesIn(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

function measure(folder, name, events) {
  const before = bytesIn(folder);
  const one = [...process.execArgv, fileURLToPath(import.meta.url), '--one', folder, name, String(events)];
  const child = spawnSync(process.execPath, one, { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`${name}: ${child.stderr}`);
  const bytes = bytesIn(folder) - before;
  if (outputs[name]) rmSync(join(folder, outputs[name]), { recursive: true });
  return { ...JSON.parse(child.stdout), bytes };
}

function round(events, names) {
  const parent = mkdtempSync(join(tmpdir(), 'blkscope-bench-'));
  try {
    const folder = join(parent, 'run');
    mkdirSync(folder);
    return names.map((name) => measure(folder, name, events));
  } finally {
    rmSync(parent, { recursive: true });
  }
}

/** What every format took, of all rounds. */
function bench(million, count, names) {
  const events = million * 1e6;
  const rounds = Array.from({ length: count }, () => round(events, names));
  const formats = names.map((name, i) => {
    const of = (key) => spread(rounds.map((results) => results[i][key]));
    // blkparse is another process, whose memory is not seen here.
    const peakMiB = name === 'blkparse' ? null : of('peakMiB');
    return { name, seconds: of('seconds'), bytes: of('bytes').median, peakMiB };
  });
  return { events, rounds: count, formats };
}

function show({ events, formats }) {
  for (const { name, seconds, bytes, peakMiB } of formats) {
    const rate = `${(events / seconds.median / 1e6).toFixed(2)} M/s`;
    const size = `${(bytes / events).toFixed(2)} B/event`;
    const peak = peakMiB ? `${peakMiB.median.toFixed(0)} MiB` : '';
    const cells = [`${events / 1e6} M`, name, `${seconds.median.toFixed(2)} s`, rate, size, peak];
    console.log(cells.map((cell) => cell.padEnd(16)).join(''));
  }
}

function all(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const asked = values.only?.split(',') ?? Object.keys(works);
  // The exports are made of trace.duckdb.
  const names = Object.keys(works).filter((name) => name === 'trace.duckdb' || asked.includes(name));
  const usual = values.quick ? [0.2] : [1, 5];
  const millions = positionals.length > 0 ? positionals.map(Number) : usual;
  const results = [];
  for (const million of millions) {
    const result = bench(million, Number(values.rounds), names);
    show(result);
    results.push(result);
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(results)}\n`);
}

const [first, ...rest] = process.argv.slice(2);
if (first === '--one') {
  const [folder, name, events] = rest;
  const took = await works[name](folder, Number(events));
  process.stdout.write(JSON.stringify({ seconds: took, peakMiB: process.resourceUsage().maxRSS / 1024 }));
} else all(process.argv.slice(2));

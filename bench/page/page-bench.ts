// How long the page of a large run takes to be made and to open, how large it is, and how much memory that needs. Of what `npm run build` built.
//   npm run bench:page -- [--quick] [--events N] [--rounds N] [--dir build/page-bench] [--json FILE]
// Two runs are written, half of their events issues and half completions: "walks" goes through a model of 8 GiB again and again, "random" reads
// 4 KiB anywhere in it. Default 10 million events and 3 rounds; --quick: a million, and one. Needs chromium.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { NativeBatch } from '../../dist/native/trace.js';
import { openRun } from '../../dist/store/open-run.js';
import { StoreWriter } from '../../dist/store/store.js';
import { openPage, startBrowser } from '../../tests/host/browser.js';
import { summaryFixture } from '../../tests/unit/figures/summary-fixture.js';
import { root } from '../programs.js';
import type { Shapes } from '../results.js';
import { spread } from '../spread.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    events: { type: 'string' },
    rounds: { type: 'string' },
    dir: { type: 'string', default: join(root, 'build/page-bench') },
    json: { type: 'string' },
    make: { type: 'string' },
  },
});
const events = Number(flags.events ?? (flags.quick ? 1e6 : 1e7));
const rounds = Number(flags.rounds ?? (flags.quick ? 1 : 3));

const modelBytes = 8 * 2 ** 30;
const device = 254 << 20;
const batchReads = 4096;
const startNs = 5_000_000_000;

/** Where read `i` begins and how long it is, in sectors. */
const patterns = {
  walks: (i: number) => ({ sector: (i * 256) % (modelBytes / 512), sectors: 256 }),
  random: (i: number) => ({
    sector: ((Math.imul(i, 2654435761) >>> 0) % (modelBytes / 4096)) * 8,
    sectors: 8,
  }),
} as const;

async function writeRun(path: string, pattern: keyof typeof patterns): Promise<void> {
  mkdirSync(path, { recursive: true });
  const names = {
    actions: ['queue', 'getrq', 'insert', 'issue', 'complete'],
    directions: ['none', 'read', 'write', 'discard', 'flush'],
  };
  const reads = events / 2;
  const summary = summaryFixture(1, (s) => {
    s.startNs = startNs;
    s.endNs = startNs + reads * 20_000;
    if (s.model) Object.assign(s.model, { bytes: modelBytes, files: ['/models/large.gguf'] });
  });
  await using store = await StoreWriter.create(join(path, 'trace.duckdb'), names);
  await store.writeTrace(batches(reads, patterns[pattern]));
  await store.writeDevices([{ number: device, name: 'vda', layered: false }]);
  const extents = {
    bytes: modelBytes,
    fileOffsets: BigUint64Array.of(0n),
    sectors: BigUint64Array.of(0n),
    sectorCounts: BigUint64Array.of(BigInt(modelBytes / 512)),
  };
  await store.writeExtents([{ path: '/models/large.gguf', extents }]);
  await store.writeFigures(summary);
  await store.finish(JSON.stringify(summary));
  writeFileSync(join(path, 'summary.json'), JSON.stringify(summary));
  writeFileSync(join(path, 'config.json'), JSON.stringify({ kind: 'run', commandLine: null, marks: [] }));
}

/** Each read is issued 100 us before it completes, and one is issued every 20 us. */
function* batches(reads: number, place: (i: number) => { sector: number; sectors: number }) {
  for (let from = 0; from < reads; from += batchReads) {
    const count = Math.min(batchReads, reads - from);
    const rows = Array.from({ length: count }, (_, i) => ({
      ...place(from + i),
      time: BigInt(startNs + (from + i) * 20_000),
    }));
    const twice = rows.flatMap((row) => [
      { ...row, action: 3 },
      { ...row, action: 4, time: row.time + 1n },
    ]);
    const zero = {
      fromDevice: new Uint32Array(2 * count),
      payload: new BigUint64Array(2 * count),
      cpu: new Uint16Array(2 * count),
    };
    const events: NativeBatch = {
      ...zero,
      length: 2 * count,
      time: BigUint64Array.from(twice, ({ time }) => time),
      sector: BigUint64Array.from(twice, ({ sector }) => BigInt(sector)),
      bytes: Uint32Array.from(twice, ({ sectors }) => sectors * 512),
      pid: new Uint32Array(2 * count).fill(100),
      device: new Uint32Array(2 * count).fill(device),
      error: new Uint16Array(2 * count),
      flags: new Uint16Array(2 * count),
      action: Uint8Array.from(twice, ({ action }) => action),
      direction: new Uint8Array(2 * count).fill(1),
    };
    const none = new BigUint64Array(count);
    const complete = BigUint64Array.from(rows, ({ time }) => time);
    const ios = {
      length: count,
      ...{ device: new Uint32Array(count).fill(device), direction: new Uint8Array(count).fill(1) },
      sector: BigUint64Array.from(rows, ({ sector }) => BigInt(sector)),
      sectors: Uint32Array.from(rows, ({ sectors }) => sectors),
      ...{ queue: none, getrq: none, insert: none, complete },
      issue: complete.map((time, i) => time - BigInt(50_000 + (i % 64) * 4000)),
      ...{
        pid: new Uint32Array(count).fill(100),
        merges: new Uint32Array(count),
        error: new Uint16Array(count),
      },
    };
    yield { ...events, ios };
  }
}

/** In a process of its own, so that its peak memory is its own. */
async function make(path: string, file: string): Promise<void> {
  const began = performance.now();
  const { runPage } = await import('../../dist/page/run-page.js');
  await using run = await openRun(path);
  writeFileSync(file, await runPage(run, 'bench'));
  const seconds = (performance.now() - began) / 1000;
  console.log(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
}

interface Opened {
  firstPaintMs: number;
  drawnMs: number;
  panMs: number;
  framesPerSecond: number;
}

/** In a browser that has nothing cached. */
async function open(file: string): Promise<Opened> {
  const browser = await startBrowser();
  const { page } = await openPage(browser, file);
  const drawnMs = Number(await page.evaluate('performance.now()'));
  const paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime");
  const pan = (await page.evaluate(panning)) as Pick<Opened, 'panMs' | 'framesPerSecond'>;
  await browser.close();
  return { firstPaintMs: Number(paint), drawnMs, ...pan };
}

async function bench(): Promise<Shapes['page']> {
  const runs: Shapes['page']['runs'] = [];
  for (const pattern of Object.keys(patterns) as (keyof typeof patterns)[]) {
    const path = join(flags.dir, pattern);
    const file = join(flags.dir, `${pattern}.html`);
    rmSync(path, { recursive: true, force: true });
    await writeRun(path, pattern);
    const [made, opened]: [{ seconds: number; peakBytes: number }[], Opened[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const command = ['--import', 'tsx', fileURLToPath(import.meta.url), '--make', path, '--dir', file];
      made.push(JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' })));
      opened.push(await open(file));
    }
    runs.push({
      name: pattern,
      bytes: statSync(file).size,
      seconds: spread(made.map(({ seconds }) => seconds)),
      peakBytes: spread(made.map(({ peakBytes }) => peakBytes)),
      firstPaintMs: spread(opened.map(({ firstPaintMs }) => firstPaintMs)),
      drawnMs: spread(opened.map(({ drawnMs }) => drawnMs)),
      panMs: spread(opened.map(({ panMs }) => panMs)),
      framesPerSecond: spread(opened.map(({ framesPerSecond }) => framesPerSecond)),
    });
    console.log(JSON.stringify(runs.at(-1)));
  }
  rmSync(flags.dir, { recursive: true, force: true });
  return { events, rounds, runs };
}

/** Sixty steps to the right and back at a fourfold zoom: milliseconds that the page works at each, and how many pictures come a second. */
const panning = `(async () => {
  const canvas = document.querySelector('#access canvas');
  const press = (key) => canvas.dispatchEvent(new KeyboardEvent('keydown', { key }));
  const step = (key) => new Promise((done) => {
    let began;
    requestAnimationFrame(() => { began = performance.now(); });
    press(key);
    requestAnimationFrame(() => done(performance.now() - began));
  });
  await step('+');
  await step('+');
  const began = performance.now();
  let sum = 0;
  for (let i = 0; i < 60; i++) sum += await step(i % 20 < 10 ? 'ArrowRight' : 'ArrowLeft');
  return { panMs: sum / 60, framesPerSecond: 60_000 / (performance.now() - began) };
})()`;

if (flags.make) await make(flags.make, flags.dir);
else {
  const result = await bench();
  if (flags.json) writeFileSync(flags.json, JSON.stringify(result));
}

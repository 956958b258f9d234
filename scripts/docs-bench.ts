#!/usr/bin/env -S npx tsx
// Makes the tables of docs/performance.md of what `npm run bench` found (bench/results.json).
//   npm run docs:bench
// A table stands between `<!-- bench NAME: made by npm run docs:bench -->` and `<!-- end of bench -->`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Comparison, InTurns, Made, Results, Shapes } from '../bench/results.js';
import type { Spread } from '../bench/spread.js';

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const mib = 2 ** 20;

/** Three digits that count, with commas from thousands on. */
function number(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.095 ? 2 : 3);
}

/** The median, with the least and the most where they differ from it. */
function spreadText({ median, least, most }: Spread, unit = 1): string {
  const [middle, low, high] = [median, least, most].map((value) => number(value / unit));
  return low === middle && high === middle ? `${middle}` : `${middle} (${low} to ${high})`;
}

const maybe = (value: Spread | null, unit = 1) => (value === null ? '' : spreadText(value, unit));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const medianOf = (c: Comparison, name: string) => c.programs[name]?.seconds.median ?? Number.NaN;

/** blkscope's seconds without Node's own start. */
const own = (c: Comparison) => medianOf(c, 'blkscope') - medianOf(c, 'node');

/** A peer's seconds, and how many times blkscope's they are. */
function peer(c: Comparison, name: string): string {
  const cost = c.programs[name];
  return cost ? `${spreadText(cost.seconds)}, x ${number(cost.seconds.median / own(c))}` : '';
}

const traceNames: Record<string, string> = {
  'harsh-2': 'harsh, 2 CPUs',
  'harsh-16': 'harsh, 16 CPUs',
  'easy-2': 'easy, 2 CPUs',
  'easy-16': 'easy, 16 CPUs',
};

function analyse({ comparisons }: Shapes['analyse']): string {
  const head = [
    ...['trace', 'events', 'blkscope', 'of it Node', 'blkparse to text', 'to CSV', '-d, then btt'],
    ...['CPU of both threads, ns an event', 'peak MiB'],
  ];
  const rows = comparisons.map((c) => [
    `${traceNames[c.trace]}`,
    c.events.toLocaleString('en-US'),
    ...['blkscope', 'node'].map((name) => maybe(c.programs[name]?.seconds ?? null)),
    ...['blkparse text', 'blkparse csv', 'blkparse -d, btt'].map((name) => peer(c, name)),
    spreadText(c.analysisNsPerEvent),
    maybe(c.programs.blkscope?.peakBytes ?? null, mib),
  ]);
  return table(head, rows);
}

function stages({ comparisons }: Shapes['analyse']): string {
  const names = comparisons[0]?.stages.map(({ name }) => name) ?? [];
  const rows = comparisons.map((c) => {
    const ns = c.stages.map((stage) => stage.ns.median);
    const full = c.stages.find(({ name }) => name === 'full')?.ns.median ?? Number.NaN;
    return [`${traceNames[c.trace]}`, ...ns.map(number), number(full / (ns[0] ?? Number.NaN))];
  });
  return table(['trace', ...names, 'full / walk'], rows);
}

/** Beyond merging, which each of them includes. */
function regions({ comparisons }: Shapes['analyse']): string {
  const names = comparisons[0]?.regions.map(({ name }) => name) ?? [];
  const rows = comparisons.map((c) => {
    const merge = c.stages.find(({ name }) => name === 'merge')?.ns.median ?? Number.NaN;
    return [`${traceNames[c.trace]}`, ...c.regions.map(({ ns }) => number(ns.median - merge))];
  });
  return table(['trace', ...names], rows);
}

function lengths({ byLength }: Shapes['analyse']): string {
  const rows = byLength.map(({ events, nsPerEvent, peakBytes }) => [
    events.toLocaleString('en-US'),
    spreadText(nsPerEvent),
    spreadText(peakBytes, mib),
  ]);
  return table(['events', 'CPU of both threads, ns an event', 'peak MiB of the process'], rows);
}

function intervals(patterns: Shapes['intervals']): string {
  const structures = ['sectorSet', 'map', 'roaring'];
  const names = ['SectorSet', 'std::map', 'CRoaring'];
  const head = ['reads', ...names, 'SQL', ...names.map((name) => `${name} KiB`)];
  const rows = patterns.map(({ title, structures: found, sqlNs }) => [
    title,
    ...structures.map((name) => (found[name] ? number(found[name].ns) : '')),
    number(sqlNs),
    ...structures.map((name) => (found[name] ? number(found[name].bytes / 1024) : '')),
  ]);
  return table(head, rows);
}

function store(sizes: Shapes['store']): string {
  const rows = sizes.flatMap(({ events, formats }) =>
    formats.map(({ name, seconds, bytes, peakMiB }) => [
      `${events / 1e6} M`,
      name,
      spreadText(seconds),
      `${number(events / seconds.median / 1e6)} M`,
      number(bytes / events),
      maybe(peakMiB),
    ]),
  );
  const made = table(['events', 'written as', 's', 'rows/s', 'bytes/event', 'peak MiB'], rows);
  return `${made}\n\n${sizes.map(csvWay).join('\n')}`;
}

function csvWay({ events, formats }: Shapes['store'][number]): string {
  const seconds = (name: string) => formats.find((f) => f.name === name)?.seconds.median ?? Number.NaN;
  const way = seconds('blkparse') + seconds('read_csv');
  return `- ${events / 1e6} M: the CSV way (blkparse, then read_csv) takes ${number(way)} s, ${number(way / seconds('trace.duckdb'))} times trace.duckdb.`;
}

function lock({ mib: size, writeBytesPerSecond, lockBytesPerSecond, times }: Shapes['lock']): string {
  const head = ['MiB', 'all cores write, GB/s', 'locking, GB/s', 'locking / writing'];
  const cells = [
    spreadText(writeBytesPerSecond, 1e9),
    spreadText(lockBytesPerSecond, 1e9),
    spreadText(times),
  ];
  return table(head, [[String(size), ...cells]]);
}

function capture({ variants }: Shapes['capture']): string {
  const untraced = variants.find(({ variant }) => variant === 'untraced')?.iops?.median ?? Number.NaN;
  const head = ['', 'reads/s', 'speed lost', 'events', 'dropped', 'capture, ns an event', 'RAM, MiB'];
  const rows = variants.map((v) => [
    v.variant,
    maybe(v.iops),
    v.variant === 'untraced' || v.iops === null
      ? ''
      : `${(100 - (100 * v.iops.median) / untraced).toFixed(1)} %`,
    ...[v.events, v.dropped, v.cpuNsPerEvent].map((value) => maybe(value)),
    maybe(v.ramBytes, mib),
  ]);
  return table(head, rows);
}

function packageSize(p: Shapes['package']): string {
  const rows = [
    [`tarball, with ${p.prebuilds} prebuilds`, p.tarballBytes],
    ['what it unpacks to', p.unpackedBytes],
    [`the ${p.packages} packages that it needs`, p.packagesBytes],
    ['of them DuckDB', p.duckdbBytes],
  ] as const;
  return table(
    ['', 'MiB'],
    rows.map(([name, bytes]) => [name, number(bytes / mib)]),
  );
}

function interference({ variants }: InTurns): string {
  const head = [
    ...['', 'tokens/s', 'read, MiB', 'model cached after, MiB'],
    ...['memory of the events, MiB', "of the tracer's process, MiB"],
  ];
  const rows = variants.map((v) => [
    v.variant,
    spreadText(v.tokensPerSecond),
    ...[v.readBytes, v.cachedAfterBytes].map((value) => spreadText(value, mib)),
    ...[v.traceBytes, v.processBytes].map((value) =>
      v.variant === 'untraced' ? '' : spreadText(value, mib),
    ),
  ]);
  return table(head, rows);
}

function page({ runs }: Shapes['page']): string {
  const head = [
    ...['run', 'made in, s', 'peak MiB', 'size, MiB', 'first paint, ms', 'all drawn, ms'],
    ...['a step of panning, ms', 'pictures a second meanwhile'],
  ];
  const rows = runs.map((run) => [
    run.name,
    spreadText(run.seconds),
    spreadText(run.peakBytes, mib),
    number(run.bytes / mib),
    ...[run.firstPaintMs, run.drawnMs, run.panMs, run.framesPerSecond].map((value) => spreadText(value)),
  ]);
  return table(head, [...rows, ['the aim', '5', '', '2', '1,000', '', '16', '']]);
}

function start({ programs }: Shapes['start']): string {
  const node = programs.find(({ name }) => name === 'node')?.seconds.median ?? Number.NaN;
  const rows = programs.map(({ name, seconds, peakBytes }) => [
    name,
    spreadText(seconds, 1e-3),
    name === 'node' || name.startsWith('blkparse') ? '' : number((seconds.median - node) * 1e3),
    spreadText(peakBytes, mib),
  ]);
  return table(['', 'ms', 'beyond Node, ms', 'peak MiB'], rows);
}

/** When, on what and in which form a bench was made. */
function circumstances({ form, made, commit, machine, seconds }: Made<unknown>): string {
  const memory = `${number(machine.memoryBytes / 2 ** 30)} GiB`;
  const on = `${machine.cpus} CPUs (${machine.cpu}), ${memory}, Linux ${machine.kernel}, Node ${machine.node}`;
  return `Made on ${made}, at ${commit}, in the ${form} form, which took ${seconds} s. ${on}.`;
}

function shown<Shape>(bench: Made<Shape> | undefined, ...texts: ((result: Shape) => string)[]): string {
  if (!bench) return 'Not made yet.';
  return [...texts.map((text) => text(bench.result)), circumstances(bench)].join('\n\n');
}

/** The text of each table by its name. */
export function benchTables(results: Results): Record<string, string> {
  return {
    capture: shown(results.capture, capture),
    analyse: shown(results.analyse, analyse),
    lengths: shown(results.analyse, lengths),
    stages: shown(results.analyse, stages),
    regions: shown(results.analyse, regions),
    intervals: shown(results.intervals, intervals),
    store: shown(results.store, store),
    lock: shown(results.lock, lock),
    start: shown(results.start, start),
    page: shown(results.page, page),
    package: shown(results.package, packageSize),
    interference: shown(results.interference, interference),
    interferenceInGuest: shown(results.interferenceInGuest, interference),
  };
}

const marked = /(<!-- bench (\w+): made by npm run docs:bench -->\n)[\s\S]*?(<!-- end of bench -->)/g;

/** A page with the tables of its benches made anew. Throws for a table that nothing makes. */
export function withBenches(page: string, tables: Record<string, string>): string {
  return page.replace(marked, (_, begin: string, name: string, end: string) => {
    const text = tables[name];
    if (text === undefined) throw new Error(`docs:bench: nothing makes the table ${name}`);
    return `${begin}${text}\n${end}`;
  });
}

/** What of a page no bench makes: its prose, without tables and code. */
export const withoutBenches = (page: string): string =>
  page.replace(marked, '').replace(/^( {4}|```|\|).*$/gm, '');

export const readResults = (): Results => JSON.parse(readFileSync(path('bench/results.json'), 'utf8'));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = path('docs/performance.md');
  writeFileSync(page, withBenches(readFileSync(page, 'utf8'), benchTables(readResults())));
}

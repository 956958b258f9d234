#!/usr/bin/env -S npx tsx
// Makes the tables of docs/performance.md of what `npm run bench` found (bench/results.json).
//   npm run docs:bench
// A table stands between `<!-- bench NAME: made by npm run docs:bench -->` and `<!-- end of bench -->`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type {
  ByModelSize,
  Comparison,
  Cost,
  InTurns,
  Made,
  Part,
  Results,
  Shapes,
} from '../bench/results.js';
import { lateExponent } from '../bench/scale/growth.js';
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

const grows = 'grows with its power of';

/** A row for each size, and one that tells how each column grows over the largest three. `columns`: null where nothing is known. */
function growing(
  name: string,
  sizes: readonly number[],
  columns: readonly { head: string; values: readonly (number | null)[] }[],
): string {
  const rows = sizes.map((size, i) => [
    size.toLocaleString('en-US'),
    ...columns.map(({ values }) => (values[i] == null ? '' : number(values[i] as number))),
  ]);
  const powers = columns.map(({ values }) => {
    const points = sizes.flatMap((size, i) =>
      values[i] == null ? [] : [{ size, value: values[i] as number }],
    );
    const power = lateExponent(points);
    return Number.isNaN(power) ? '' : power.toFixed(2).replace(/^-(0\.00)$/, '$1');
  });
  return table([name, ...columns.map(({ head }) => head)], [...rows, [grows, ...powers]]);
}

const peakOf = (cost: Cost | undefined) => (cost ? cost.peakBytes / mib : null);

function scaleLength(rows: NonNullable<Shapes['scale']['length']>['found']): string {
  const sizes = rows.map(({ events }) => events);
  const of = (head: string, value: (row: (typeof rows)[number]) => number | null) => ({
    head,
    values: rows.map(value),
  });
  const columns = [
    of('import, s of CPU', (row) => row.import.cpuSeconds),
    of('MiB', (row) => peakOf(row.import)),
    of('with the store, s of CPU', (row) => row.stored?.import.cpuSeconds ?? null),
    of('MiB', (row) => peakOf(row.stored?.import)),
    of('trace.duckdb, MiB', (row) => (row.stored ? row.stored.bytes / mib : null)),
    of('report, s', (row) => row.stored?.report.seconds ?? null),
    of('MiB', (row) => peakOf(row.stored?.report)),
    of('page, s', (row) => row.stored?.page.seconds ?? null),
    of('MiB', (row) => peakOf(row.stored?.page)),
  ];
  return growing('events', sizes, columns);
}

const costOn = (model: ByModelSize, name: string) =>
  model.commands.find((command) => command.name === name && command.seconds !== null);

/** Those of which the table of sizes tells. */
const growingCommands = ['map', 'run', 'import --model', 'report', 'report --regions', 'report --html'];

const isStacked = ({ regions, tensors }: ByModelSize) => tensors < regions / 2;

function scaleModel(models: readonly ByModelSize[]): string {
  const stacked = models.filter(isStacked);
  const columns = growingCommands.flatMap((name) => [
    { head: `${name}, s`, values: stacked.map((model) => costOn(model, name)?.seconds ?? null) },
    { head: 'MiB', values: stacked.map((model) => peakOf(costOn(model, name))) },
  ]);
  return growing(
    'regions',
    stacked.map(({ regions }) => regions),
    columns,
  );
}

/** Every command, on the largest model of stacked experts and on that of a tensor each. */
function scaleCommands(models: readonly ByModelSize[]): string {
  const largest = [models.filter(isStacked).at(-1), models.filter((model) => !isStacked(model)).at(-1)];
  const shown = largest.filter((model) => model !== undefined);
  const names = shown[0]?.commands.map(({ name }) => name) ?? [];
  const heads = shown.flatMap(({ tensors }) => [`${tensors.toLocaleString('en-US')} tensors, s`, 'MiB']);
  const rows = names.map((name) => [
    name,
    ...shown.flatMap((model) => {
      const cost = costOn(model, name);
      return cost ? [number(cost.seconds), number(cost.peakBytes / mib)] : ['', ''];
    }),
  ]);
  const told = shown.map(
    ({ regions, tensors, bytes, events, tokens }) =>
      `${regions.toLocaleString('en-US')} regions in ${tensors.toLocaleString('en-US')} tensors: ${number(bytes / 2 ** 40)} TiB, ${events.toLocaleString('en-US')} events, ${tokens.toLocaleString('en-US')} tokens.`,
  );
  return `${table(['', ...heads], rows)}\n\n${told.join(' ')}`;
}

function scaleDay({ held }: NonNullable<Shapes['scale']['day']>['found']): string {
  const head = [
    ...['hours', 'events', 'CPU of the analysis, ns an event', 'memory, MiB', 'of it spool at most, MiB'],
    ...['bars of the timeline', 'each, s', 'requests open', 'processes', 'losses listed', 'touches'],
  ];
  const rows = held.map((row) => [
    `${row.hours}`,
    number(row.events),
    number(row.analysisNs / row.events),
    number(row.residentBytes / mib),
    number(row.spoolPeakBytes / mib),
    ...[row.buckets].map(number),
    number(row.bucketNs / 1e9),
    ...[row.open, row.processes, row.losses, row.touches].map((count) => count.toLocaleString('en-US')),
  ]);
  return table(head, rows);
}

function scaleDayRun({
  stored,
  bytes,
  pageBytes,
  buckets,
  commands,
}: NonNullable<Shapes['scale']['day']>['found']): string {
  const rows = [{ name: 'import with the store', ...stored }, ...commands].map(
    ({ name, seconds, peakBytes }) => [name, number(seconds), number(peakBytes / mib)],
  );
  const sizes = `trace.duckdb has ${number(bytes / mib)} MiB, the page ${number(pageBytes / mib)} MiB, and the timeline ${buckets.toLocaleString('en-US')} bars.`;
  return `${table(['', 's', 'MiB'], rows)}\n\n${sizes}`;
}

function scaleDataset({
  runs,
  events,
  bytes,
  exportSeconds,
  queries,
}: NonNullable<Shapes['scale']['dataset']>['found']): string {
  const rows = queries.map(({ question, engine, answerRows, seconds, peakBytes }) => [
    question,
    engine,
    answerRows.toLocaleString('en-US'),
    seconds ? spreadText(seconds) : 'killed',
    peakBytes ? spreadText(peakBytes, mib) : 'more than there is',
  ]);
  const told = `${runs.toLocaleString('en-US')} runs, ${events.toLocaleString('en-US')} events, ${number(bytes / mib)} MiB. The export of a run takes ${spreadText(exportSeconds)} s.`;
  return `${table(['', 'engine', 'rows of the answer', 's', 'peak MiB'], rows)}\n\n${told}`;
}

/** A part of the bench of scale, which takes its time by itself. */
function shownPart<Found>(
  bench: Made<Shapes['scale']> | undefined,
  part: (result: Shapes['scale']) => Part<Found> | undefined,
  text: (found: Found) => string,
): string {
  const made = bench && part(bench.result);
  return bench && made
    ? `${text(made.found)}\n\n${circumstances({ ...bench, seconds: made.seconds })}`
    : 'Not made yet.';
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
    scaleLength: shownPart(results.scale, ({ length }) => length, scaleLength),
    scaleModel: shownPart(results.scale, ({ model }) => model, scaleModel),
    scaleCommands: shownPart(results.scale, ({ model }) => model, scaleCommands),
    scaleDay: shownPart(results.scale, ({ day }) => day, scaleDay),
    scaleDayRun: shownPart(results.scale, ({ day }) => day, scaleDayRun),
    scaleDataset: shownPart(results.scale, ({ dataset }) => dataset, scaleDataset),
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

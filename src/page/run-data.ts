import type { DuckDBConnection } from '@duckdb/node-api';
import { watchedCurve } from '../curve/curve.js';
import { greatest } from '../extremes.js';
import type { Summary } from '../figures/summary-schema.js';
import type { NativeAccess } from '../native/access.js';
import { native } from '../native/binding.js';
import type { NativeExtents } from '../native/trace.js';
import type { LatencyOverTime, Matrix, PlacedRegion, Residency, RunData, Series } from '../plot/run-data.js';
import { storedSchema } from '../store/attached-run.js';
import { numberColumns } from '../store/number-columns.js';
import type { Run } from '../store/open-run.js';
import { lowest } from '../store/views.js';

/** How finely the access map divides time and place at most, and how many cells it may have. */
export interface MapSize {
  times: number;
  places: number;
  mostCells: number;
}

const usualMap: MapSize = { times: 16384, places: 1024, mostCells: 160_000 };

/**
 * What figures of a run are drawn from. A run that kept no events has the figures of its summary alone.
 * Throws BlkscopeError as Run.connect does.
 */
export async function runData(run: Run, name: string, size: MapSize = usualMap): Promise<RunData> {
  const { summary } = run;
  const base = fromSummary(summary, name, run.config.marks ?? []);
  if (!run.hasTrace) return base;
  const connection = await run.connect();
  try {
    return { ...base, ...(await fromTrace(connection, run, base, size)), curve: await curveOf(run) };
  } finally {
    connection.closeSync();
  }
}

async function curveOf(run: Run): Promise<RunData['curve']> {
  const told = await watchedCurve(run);
  if (!told) return null;
  const { points, ownMemory, verdict } = told;
  return {
    points: points.flatMap(({ memory, blocks }) => {
      if (!blocks) return [];
      const { kernel, kernelLeast, kernelMost, lru, pins, optimum } = blocks;
      return [{ memory, kernel, kernelLeast, kernelMost, lru, pins, optimum }];
    }),
    ...{ ownMemory, verdict },
  };
}

function fromSummary(summary: Summary, name: string, marks: Run['config']['marks']): RunData {
  const { model, phases, bound, workload, memory } = summary;
  const start = summary.startNs;
  const at = (ns: number) => (ns - start) / 1e9;
  const spans = Object.entries(phases ?? {}).flatMap(([phase, is]) =>
    is ? [{ name: phase, from: at(is.startNs), to: at(is.endNs) }] : [],
  );
  const promptDone = marks.find(({ kind }) => kind === 'promptDone')?.time;
  const tokens = marks.filter(
    ({ kind, time }) => kind === 'token' && (promptDone === undefined || time > promptDone),
  );
  return {
    name,
    seconds: Math.max((summary.endNs - start) / 1e9, 1e-9),
    modelBytes: model?.bytes ?? null,
    phases: spans,
    tokens: [...(promptDone === undefined ? [] : [promptDone]), ...tokens.map(({ time }) => time)].map(at),
    regions: [],
    extents: [],
    access: null,
    timesRead: null,
    timeline: timelineOf(summary),
    samples: {},
    residency: null,
    firstToken: 0,
    tokenLayers: null,
    experts: null,
    tokenBytes: null,
    curve: null,
    latency: null,
    sizes: [
      { phase: 'all', counts: summary.sizes.read },
      ...Object.entries(phases ?? {}).flatMap(([phase, is]) =>
        is ? [{ phase, counts: is.sizes.read }] : [],
      ),
    ].filter(({ counts }) => Object.keys(counts).length > 0),
    gaps: (['device', 'demand', 'file'] as const).flatMap((order) => {
      const counts = summary.gaps[order];
      return counts ? [{ order: gapOrders[order], counts: { ...counts } }] : [];
    }),
    bound: bound && {
      compute: bound.computeNsPerToken / 1e9,
      touched: bound.touchedBytesPerToken,
      kept: bound.keptBytes,
      bandwidth: bound.bandwidth,
      tokensPerSecond: bound.tokensPerSecond,
      again: bound.reReadBytesPerToken,
      unused: bound.unusedBytesPerToken,
      busy: bound.busyNsPerToken === null ? null : bound.busyNsPerToken / 1e9,
      waiting: bound.remainderNsPerToken / 1e9,
    },
    tokensPerSecond: workload?.tokensPerSecond ?? null,
    bytesPerToken: workload?.bytesPerToken ?? null,
    memoryBytes: memory.limitBytes,
  };
}

const gapOrders = {
  device: 'as the disk got them',
  demand: 'as they were asked for',
  file: 'by place in the file',
} as const;

function timelineOf({ timeline, startNs }: Summary): RunData['timeline'] {
  // Buckets begin with the first event, figures with the start of the trace.
  const bucket = timeline.bucketNs / 1e9;
  const late = Math.round(Math.max(timeline.startNs - startNs, 0) / timeline.bucketNs);
  const shifted = (values: readonly number[]) => [...new Array<number>(late).fill(0), ...values];
  return {
    bucket,
    read: shifted(timeline.readBytes),
    write: shifted(timeline.writeBytes),
    depth: timeline.meanDepth && shifted(timeline.meanDepth),
  };
}

async function fromTrace(
  connection: DuckDBConnection,
  { summary }: Run,
  base: RunData,
  size: MapSize,
): Promise<Partial<RunData>> {
  const files = await filesOf(connection, summary);
  const access = files.length === 0 ? null : await accessOf(connection, files, summary, size);
  const regions = await regionsOf(connection, files);
  return {
    access: access && { byFile: access.byFile, byDisk: access.byDisk },
    timesRead: access && {
      times: Array.from(access.timesRead),
      bytes: Array.from(access.timesReadSectors, (sectors) => sectors * 512),
    },
    extents: files.flatMap(({ base: from, extents }) =>
      Array.from(extents.sectors, (sector, i) => ({
        offset: from + Number(extents.fileOffsets[i]),
        sector: Number(sector),
        bytes: Number(extents.sectorCounts[i]) * 512,
      })),
    ),
    regions,
    samples: await samplesOf(connection, summary),
    residency: await residencyOf(connection, summary, files, regions),
    latency: await latencyOf(connection, summary, base.seconds),
    ...(await touchesOf(connection, summary, base.tokens.length - 1)),
  };
}

interface PlacedFile {
  path: string;
  /** Bytes of the files before, to whole sectors: as the native access map places them. */
  base: number;
  extents: NativeExtents;
}

async function filesOf(connection: DuckDBConnection, { model }: Summary): Promise<PlacedFile[]> {
  if (!model) return [];
  // The last block of a file reaches beyond its end, where nothing of the model is: its tensors tell where that is.
  const found = await connection.runAndReadAll(`
    WITH size AS (SELECT file, max("fileOffset" + bytes) AS stop FROM tensor GROUP BY file)
    SELECT file, "fileOffset", sector, least(sectors, coalesce((stop - "fileOffset" + 511) // 512, sectors))::BIGINT
    FROM extent LEFT JOIN size USING (file) ORDER BY file, "fileOffset"`);
  const rows = found.getRows() as [string, bigint, bigint, bigint][];
  let base = 0;
  return model.files.flatMap((path) => {
    const own = rows.filter(([file]) => file === path);
    if (own.length === 0) return [];
    const column = (i: 1 | 2 | 3) => BigUint64Array.from(own, (row) => row[i]);
    const [, offset, , sectors] = own.at(-1) as [string, bigint, bigint, bigint];
    const placed = {
      path,
      base,
      extents: {
        bytes: Number(offset + sectors * 512n),
        fileOffsets: column(1),
        sectors: column(2),
        sectorCounts: column(3),
      },
    };
    base += placed.extents.bytes;
    return [placed];
  });
}

async function accessOf(
  connection: DuckDBConnection,
  files: readonly PlacedFile[],
  { startNs, endNs }: Summary,
  size: MapSize,
): Promise<NativeAccess> {
  const map = new native.AccessMap({
    files: files.map(({ extents }) => extents),
    startNs: BigInt(startNs),
    endNs: BigInt(Math.max(endNs, startNs + 1)),
    ...size,
  });
  // The device as a number: with a query in its place, DuckDB's threads give rows in any order.
  const found = await connection.runAndReadAll(
    `SELECT number FROM ${storedSchema}.device ORDER BY rowid LIMIT 1`,
  );
  const device = Number(found.getRows()[0]?.[0] ?? -1);
  const reads = `SELECT time, sector, sectors FROM completed WHERE direction = 'read' AND device = ${device}`;
  for await (const [time, sector, sectors] of numberColumns(connection, reads, [
    'BIGINT',
    'BIGINT',
    'INTEGER',
  ])) {
    map.add(time, sector, sectors);
  }
  return map.finish();
}

async function regionsOf(
  connection: DuckDBConnection,
  files: readonly PlacedFile[],
): Promise<PlacedRegion[]> {
  if (files.length === 0) return [];
  const baseOf = new Map(files.map(({ path, base }) => [path, base]));
  const found = await connection.runAndReadAll(
    `SELECT t.file, t.name, t.layer, t.role, t.expert, t."fileOffset"::DOUBLE, t.bytes::DOUBLE FROM ${storedSchema}.tensor t ORDER BY rowid`,
  );
  // Regions of summary.json are in the same order as the tensors of the store, tensors whole.
  const figures = await connection.runAndReadAll(
    `SELECT CASE kind WHEN 'tensor' THEN name ELSE layer || ' ' || expert END, "readBytes"::DOUBLE, "uniqueBytes"::DOUBLE, reads::DOUBLE FROM region WHERE kind IN ('tensor', 'expert')`,
  );
  const byName = new Map(figures.getRows().map(([name, ...values]) => [`${name}`, values as number[]]));
  return (found.getRows() as [string, string | null, number | null, string, number | null, number, number][])
    .filter(([file]) => baseOf.has(file))
    .map(([file, name, layer, role, expert, offset, bytes]) => {
      const own = expert === null ? (name ?? role) : `${layer} ${expert}`;
      const [readBytes = 0, uniqueBytes = 0, reads = 0] = byName.get(own) ?? [];
      return {
        name: name ?? role,
        layer,
        role,
        expert,
        offset: (baseOf.get(file) as number) + offset,
        bytes,
        readBytes,
        uniqueBytes,
        reads,
      };
    })
    .sort((a, b) => a.offset - b.offset);
}

async function samplesOf(
  connection: DuckDBConnection,
  { startNs }: Summary,
): Promise<Record<string, Series>> {
  const found = await connection.runAndReadAll(`SELECT metric, time, value FROM sample ORDER BY time`);
  const series: Record<string, { time: number[]; value: number[] }> = {};
  for (const [metric, time, value] of found.getRows() as [string, bigint, number][]) {
    const own = series[metric] ?? { time: [], value: [] };
    series[metric] = own;
    own.time.push((Number(time) - startNs) / 1e9);
    own.value.push(value);
  }
  return series;
}

/** Strips of a picture: more moments are thinned out. */
const mostMoments = 14;

async function residencyOf(
  connection: DuckDBConnection,
  { startNs }: Summary,
  files: readonly PlacedFile[],
  regions: readonly PlacedRegion[],
): Promise<Residency | null> {
  if (!(await hasTable(connection, 'residency'))) return null; // an older blkscope made the run
  const baseOf = new Map(files.map(({ path, base }) => [path, base]));
  const found = await connection.runAndReadAll(
    `SELECT time, file, "fileOffset"::DOUBLE, bytes::DOUBLE, "cachedBytes"::DOUBLE FROM residency ORDER BY time`,
  );
  type Row = [time: bigint, file: string, offset: number, bytes: number, cached: number];
  const looks = new Map<bigint, Row[]>();
  for (const row of found.getRows() as Row[]) {
    if (!baseOf.has(row[1])) continue;
    const look = looks.get(row[0]) ?? [];
    looks.set(row[0], look);
    look.push(row);
  }
  const placed = [...looks].map(([time, rows]) => ({
    time: (Number(time) - startNs) / 1e9,
    rows: rows
      .map(([, file, offset, bytes, cached]) => ({
        offset: (baseOf.get(file) as number) + offset,
        bytes,
        cached,
      }))
      .sort((a, b) => a.offset - b.offset),
  }));
  const [first] = placed;
  if (!first) return null;
  const named = new Map(regions.map((region) => [region.offset, region]));
  return {
    parts: first.rows.map(({ offset, bytes }) => ({
      name: nameOf(named.get(offset), offset),
      offset,
      bytes,
    })),
    moments: evenly(placed, mostMoments).map(({ time, rows }, i, { length }) => ({
      name: i === 0 ? 'before' : i === length - 1 ? 'after' : 'during',
      time,
      cached: rows.map(({ cached }) => cached),
    })),
  };
}

function nameOf(region: PlacedRegion | undefined, offset: number): string {
  if (!region) return `from ${offset} on`;
  return region.expert === null ? region.name : `${region.name}, expert ${region.expert}`;
}

/** So many of some, the first and the last among them. */
function evenly<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))] as T);
}

async function hasTable(connection: DuckDBConnection, name: string): Promise<boolean> {
  const found = await connection.runAndReadAll(
    `SELECT 1 FROM duckdb_views() WHERE schema_name = '${storedSchema}' AND view_name = '${name}'`,
  );
  return found.currentRowCount > 0;
}

/** Latencies are told in steps of a sixteenth of a power of two: 4 %. */
const stepsPerPower = 16;
const latencySpans = 200;

async function latencyOf(
  connection: DuckDBConnection,
  { startNs }: Summary,
  seconds: number,
): Promise<RunData['latency']> {
  const found = await connection.runAndReadAll(`
    WITH took AS (
      SELECT complete, greatest(complete - CASE WHEN issue <> -1 THEN issue ELSE queue END, 0) AS ns FROM io_row
      WHERE direction = 'read' AND error = 0 AND (issue <> -1 OR queue <> -1) AND ${lowest})
    SELECT least(greatest(floor((complete::DOUBLE - ${startNs}) / (${seconds} * 1e9) * ${latencySpans}), 0), ${latencySpans - 1})::INTEGER,
           ceil(log2(greatest(ns, 1)) * ${stepsPerPower})::INTEGER, count(*)::INTEGER
    FROM took GROUP BY ALL ORDER BY ALL`);
  const rows = found.getRows() as [number, number, number][];
  if (rows.length === 0) return null;
  const nsOf = (step: number) => 2 ** (step / stepsPerPower);
  const all = new Map<number, number>();
  for (const [, step, count] of rows) all.set(step, (all.get(step) ?? 0) + count);
  const steps = [...all].sort((a, b) => a[0] - b[0]);
  const total = steps.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  const cdf = { ns: [] as number[], share: [] as number[] };
  for (const [step, count] of steps) {
    below += count;
    cdf.ns.push(nsOf(step));
    cdf.share.push(below / total);
  }
  const overTime = {
    time: [] as number[],
    p50: [] as (number | null)[],
    p99: [] as (number | null)[],
  } satisfies LatencyOverTime;
  for (let span = 0; span < latencySpans; span++) {
    const own = rows.filter(([at]) => at === span).map(([, step, count]): [number, number] => [step, count]);
    const quantile = (share: number) => {
      const step = quantileOf(own, share);
      return step === null ? null : nsOf(step);
    };
    overTime.time.push(((span + 0.5) * seconds) / latencySpans);
    overTime.p50.push(quantile(0.5));
    overTime.p99.push(quantile(0.99));
  }
  return { cdf, overTime };
}

function quantileOf(steps: readonly [number, number][], share: number): number | null {
  const total = steps.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [step, count] of steps) {
    below += count;
    if (below >= share * total) return step;
  }
  return null;
}

async function touchesOf(
  connection: DuckDBConnection,
  { model }: Summary,
  count: number,
): Promise<Pick<RunData, 'firstToken' | 'tokenLayers' | 'experts' | 'tokenBytes'>> {
  const firstToken = await firstTokenOf(connection, count);
  const none = { firstToken, tokenLayers: null, experts: null, tokenBytes: null };
  if (!model?.tensors || count <= 0) return none;
  const found = await connection.runAndReadAll(`
    SELECT token - ${firstToken}, layer, expert, sum(touch.bytes)::DOUBLE FROM touch
    JOIN tensor USING (file, "fileOffset")
    WHERE touch.source = 'trace' AND phase = 'generation' AND token >= ${firstToken} GROUP BY ALL`);
  const rows = found.getRows() as [number, number | null, number | null, number][];
  if (rows.length === 0) return none;
  const columns = Math.max(count, greatest(rows.map(([token]) => token + 1)));
  const layers = [...new Set(rows.map(([, layer]) => layer))].sort((a, b) => (a ?? 1e9) - (b ?? 1e9));
  const tokenLayers = emptyMatrix(
    layers.map((layer) => (layer === null ? 'outside' : `layer ${layer}`)),
    columns,
  );
  const tokenBytes = new Array<number>(columns).fill(0);
  for (const [token, layer, , bytes] of rows) {
    const at = layers.indexOf(layer) * columns + token;
    tokenLayers.values[at] = (tokenLayers.values[at] as number) + bytes;
    tokenBytes[token] = (tokenBytes[token] as number) + bytes;
  }
  return { firstToken, tokenLayers, tokenBytes, experts: expertsOf(rows) };
}

/** The number, in the store, of the first of so many generated tokens: those before came with the prompt. */
async function firstTokenOf(connection: DuckDBConnection, count: number): Promise<number> {
  const all = await connection.runAndReadAll('SELECT count(*)::INTEGER FROM token');
  return Math.max(Number(all.getRows()[0]?.[0] ?? 0) - count, 0);
}

/** By how many tokens read of an expert. */
function expertsOf(rows: readonly [number, number | null, number | null, number][]): Matrix | null {
  const own = rows.filter(([, layer, expert]) => layer !== null && expert !== null) as [
    number,
    number,
    number,
    number,
  ][];
  if (own.length === 0) return null;
  const layers = [...new Set(own.map(([, layer]) => layer))].sort((a, b) => a - b);
  const columns = own.reduce((most, [, , expert]) => Math.max(most, expert + 1), 0);
  const matrix = emptyMatrix(
    layers.map((layer) => `layer ${layer}`),
    columns,
  );
  for (const [, layer, expert] of own) {
    const at = layers.indexOf(layer) * columns + expert;
    matrix.values[at] = (matrix.values[at] as number) + 1;
  }
  return matrix;
}

function emptyMatrix(rows: string[], columns: number): { rows: string[]; columns: number; values: number[] } {
  return { rows, columns, values: new Array<number>(rows.length * columns).fill(0) };
}

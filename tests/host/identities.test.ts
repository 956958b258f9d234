// One real run, seen through summary.json, the report, SQL and every export: what is one figure is one number everywhere.
import assert from 'node:assert/strict';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Summary } from '../../src/figures/summary-schema.js';
import { openRun, type Run, renderComparison, renderReport, synthesizeModel } from '../../src/index.js';
import * as format from '../../src/report/format.js';
import { plainScreen } from '../../src/report/screen.js';
import { blkscope } from './command-line.js';

const tokens = 8;
/** Enough that the limit does not hold the model. */
const layers = 20;
let folder: string;
let run: Run;
let db: DuckDBConnection;

before(async () => {
  folder = mkdtempSync('build/identities-test-'); // on a disk
  const model = join(folder, 'mixture.gguf');
  await synthesizeModel(model, { preset: 'tiny-gpt-oss', layers, router: { zipf: 1.2 } });
  const { exitCode, stderr } = await blkscope([
    ...['run', '--model', model, '--llama', 'embedded', '--source', 'ftrace', '--mount'],
    // Little readahead: an expert that was only read ahead would seem to be used.
    ...['--limit', '110M', '--readahead', '16', '-n', String(tokens), '-o', join(folder, 'run')],
  ]);
  assert.equal(exitCode, 0, stderr);
  run = await openRun(join(folder, 'run'));
  db = await run.connect();
});
after(async () => {
  db?.closeSync();
  await run?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

type Row = Record<string, number | string | null>;

/** Rows with plain numbers. */
async function rows(sql: string): Promise<Row[]> {
  const read = await db.runAndReadAll(sql);
  return read
    .getRowObjectsJS()
    .map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [
          key,
          typeof value === 'bigint' ? Number(value) : (value as number),
        ]),
      ),
    );
}

/** The one number of a query. */
async function number(sql: string): Promise<number> {
  const [row] = await rows(sql);
  return Number(Object.values(row ?? {})[0]);
}

const sum = (values: Iterable<number | null>) =>
  [...values].reduce<number>((total, n) => total + (n ?? 0), 0);

/** `holds`: left and right are the same, but for the rounding of doubles; of `<=` left is not more. */
interface Identity {
  name: string;
  left: unknown;
  right: unknown;
  holds?: '=' | '<=';
}

function same({ left, right, holds = '=' }: Identity): boolean {
  if (typeof left === 'number' && typeof right === 'number') {
    if (holds === '<=') return left <= right * (1 + 1e-9);
    return Math.abs(left - right) <= 1e-9 * Math.max(1, Math.abs(left), Math.abs(right));
  }
  return JSON.stringify(left) === JSON.stringify(right);
}

async function lines(path: string): Promise<number> {
  let count = 0;
  for await (const _ of createInterface({ input: createReadStream(path) })) count++;
  return count;
}

async function exported(format: string, name: string): Promise<string> {
  const path = join(folder, name);
  const { exitCode, stderr } = await blkscope(['export', run.path, '--format', format, '-o', path]);
  assert.equal(exitCode, 0, stderr);
  return path;
}

function withinTheSummary({
  model,
  reads,
  writes,
  sizes,
  timeline,
  gaps,
  phases,
  ...s
}: Summary): Identity[] {
  assert.ok(
    model?.tensors && model.layers && model.roles && model.access && phases?.generation && s.workload,
  );
  const { load, prompt, generation } = phases;
  const { tensors, layers, roles, access } = model;
  const counts = Object.entries(sizes.read).map(([bytes, n]) => ({ bytes: Number(bytes), n }));
  const ofModel = Object.entries(access.sizes).map(([bytes, n]) => ({ bytes: Number(bytes), n }));
  const of = (all: readonly { readBytes: number; uniqueBytes: number; bytes: number }[]) => ({
    read: sum(all.map(({ readBytes }) => readBytes)),
    unique: sum(all.map(({ uniqueBytes }) => uniqueBytes)),
    bytes: sum(all.map(({ bytes }) => bytes)),
  });
  const whole = { read: model.readBytes, unique: model.uniqueBytes, bytes: model.bytes };
  const total = (counted: object | null) => sum(Object.values(counted ?? {}) as number[]);
  return [
    { name: 'model + others = all reads', left: model.readBytes + model.otherBytes, right: reads.bytes },
    { name: 'tensors = model', left: of(tensors), right: whole },
    { name: 'layers = model', left: of(layers), right: whole },
    { name: 'roles = model', left: of(roles), right: whole },
    { name: 'coverage x size = unique', left: model.coverage * model.bytes, right: model.uniqueBytes },
    {
      name: 're-read x unique = read',
      left: (model.reReadFactor ?? 0) * model.uniqueBytes,
      right: model.readBytes,
    },
    {
      name: 'read again = read - unique',
      left: model.readAgainBytes,
      right: model.readBytes - model.uniqueBytes,
    },
    { name: 'sizes count the reads', left: sum(counts.map(({ n }) => n)), right: reads.count },
    {
      name: 'sizes sum to the bytes',
      left: sum(counts.map(({ bytes, n }) => bytes * n)),
      right: reads.bytes,
    },
    {
      name: "sizes of the model's reads count them",
      left: sum(ofModel.map(({ n }) => n)),
      right: model.reads,
    },
    {
      name: "the model's bytes are not more than its reads",
      left: model.readBytes,
      right: sum(ofModel.map(({ bytes, n }) => bytes * n)),
      holds: '<=',
    },
    { name: 'timeline = bytes read', left: sum(timeline.readBytes), right: reads.bytes },
    { name: 'timeline = reads', left: sum(timeline.readOps), right: reads.count },
    { name: 'timeline = bytes written', left: sum(timeline.writeBytes), right: writes.bytes },
    {
      name: "the model's gaps are one less than its reads",
      left: total(access.gaps.device),
      right: model.reads - 1,
    },
    { name: 'file order has as many gaps', left: total(gaps.file), right: total(access.gaps.device) },
    { name: "the model's gaps are among all", left: model.reads, right: total(gaps.device) + 1, holds: '<=' },
    { name: 'sectors traced = bytes read', left: s.integrity.readSectorsTraced * 512, right: reads.bytes },
    {
      name: 'sectors traced = the disk itself',
      left: s.integrity.readSectorsTraced,
      right: s.integrity.readSectorsDiskstats,
    },
    { name: 'unique sectors = unique bytes', left: reads.uniqueSectors * 512, right: reads.uniqueBytes },
    {
      name: 'readers are all of whom the trace tells',
      left: sum((s.readers ?? []).map(({ bytes }) => bytes)),
      right: reads.bytes,
      holds: '<=',
    },
    {
      name: 'phases follow one another',
      left: [load?.endNs, prompt?.endNs],
      right: [prompt?.startNs, generation.startNs],
    },
    {
      name: 'phases are parts of the whole',
      left: sum([load, prompt, generation].map((phase) => phase?.reads.bytes ?? 0)),
      right: reads.bytes,
      holds: '<=',
    },
    {
      name: 'tokens x bytes of one = read in generation',
      left: (generation.bytesPerToken ?? 0) * (generation.tokens ?? 0),
      right: generation.model?.readBytes,
    },
    {
      name: 'the workload has that of the generation',
      left: s.workload.bytesPerToken,
      right: generation.bytesPerToken,
    },
    {
      name: 'tensors in generation = read in generation',
      left: sum(tensors.map(({ generationBytes }) => generationBytes)),
      right: generation.model?.readBytes,
    },
    {
      name: 'the first token is of the prompt',
      left: (generation.tokens ?? 0) + 1,
      right: s.workload.tokens,
    },
    {
      name: 'uses of tensors = their sizes',
      left: total(model.uses),
      right: sum(tensors.filter(({ use }) => use !== null).map(({ bytes }) => bytes)),
    },
    ...ofTheBound(s),
  ];
}

function ofTheBound({
  bound,
  workload,
  contention,
}: Pick<Summary, 'bound' | 'workload' | 'contention'>): Identity[] {
  assert.ok(bound && workload?.tokensPerSecond && contention);
  const needed = bound.touchedBytesPerToken - bound.keptBytes;
  const least = Math.max(bound.computeNsPerToken, (needed / bound.bandwidth) * 1e9);
  const read = ((bound.reReadBytesPerToken + bound.unusedBytesPerToken) / bound.bandwidth) * 1e9;
  const beyond = read + (bound.busyNsPerToken ?? 0) + bound.remainderNsPerToken;
  return [
    { name: 'the bound is what it is made of', left: bound.tokensPerSecond, right: 1e9 / least },
    {
      name: 'its ratio',
      left: bound.ratio,
      right: Number((workload.tokensPerSecond / bound.tokensPerSecond).toFixed(12)),
    },
    {
      name: "a token's time is not more than its parts",
      left: 1e9 / workload.tokensPerSecond,
      right: least + beyond,
      holds: '<=',
    },
  ];
}

async function inSql({
  model,
  reads,
  gaps,
  latency,
  phases,
  source,
  integrity,
  workload,
}: Summary): Promise<Identity[]> {
  const classes = await rows(`SELECT class, count(*) AS n FROM gap WHERE direction = 'read' GROUP BY class`);
  const byAction = await rows('SELECT action::VARCHAR AS action, count(*) AS n FROM event GROUP BY action');
  const letters: Record<string, string> = { issue: 'D', complete: 'C', requeue: 'R' };
  const [d2c] = await rows(`SELECT count, min, max FROM latency WHERE direction = 'read' AND span = 'd2c'`);
  const kinds = await rows(
    `SELECT kind, count(*) AS n, sum("readBytes")::DOUBLE AS bytes FROM region GROUP BY kind ORDER BY kind`,
  );
  const told = { expert: model?.experts, layer: model?.layers, role: model?.roles, tensor: model?.tensors };
  const used = layers * (tokens - 1) * 4;
  return [
    { name: 'events', left: await number('SELECT count(*) FROM event'), right: integrity.eventsRead },
    {
      name: 'events by action',
      left: Object.fromEntries(byAction.map(({ action, n }) => [letters[`${action}`], n]).sort()),
      right: Object.fromEntries(Object.entries(source.actions).sort()),
    },
    {
      name: 'completed reads',
      left: await rows(
        `SELECT count(*) AS count, 512 * sum(sectors)::DOUBLE AS bytes FROM completed WHERE direction = 'read'`,
      ),
      right: [{ count: reads.count, bytes: reads.bytes }],
    },
    {
      name: 'bandwidth',
      left: await rows('SELECT sum(reads)::DOUBLE AS count, sum(read_bytes)::DOUBLE AS bytes FROM bandwidth'),
      right: [{ count: reads.count, bytes: reads.bytes }],
    },
    {
      name: 'three ways to the unique sectors',
      left: (await rows('SELECT DISTINCT sectors FROM unique_sectors')).map(({ sectors }) => sectors),
      right: [reads.uniqueSectors],
    },
    {
      name: 'sectors by how often they were read',
      left: await number('SELECT 512 * sum(times * sectors)::DOUBLE FROM reread'),
      right: reads.bytes,
    },
    {
      name: 'gaps by class',
      left: Object.fromEntries(classes.map(({ class: name, n }) => [name, n]).sort()),
      right: Object.fromEntries(
        Object.entries(gaps.device ?? {})
          .filter(([, n]) => n > 0)
          .sort(),
      ),
    },
    {
      name: 'D2C',
      left: d2c,
      right: { count: latency.d2c?.count, min: latency.d2c?.min, max: latency.d2c?.max },
    },
    {
      name: 'requests',
      left: await number(
        `SELECT count(*) FROM io WHERE direction = 'read' AND error = 0 AND complete >= issue`,
      ),
      right: latency.d2c?.count,
    },
    {
      name: 'coverage of tensors',
      left: await rows(
        'SELECT sum(read_bytes)::DOUBLE AS read, sum(unique_bytes)::DOUBLE AS uniq FROM tensor_coverage',
      ),
      right: [{ read: model?.readBytes, uniq: model?.uniqueBytes }],
    },
    {
      name: 'regions',
      left: kinds,
      right: Object.entries(told).map(([kind, all]) => ({
        kind,
        n: all?.length,
        bytes: sum((all ?? []).map(({ readBytes }) => readBytes)),
      })),
    },
    {
      name: 'phases',
      left: await rows(
        'SELECT name, start::DOUBLE AS start, tokens, "readBytes"::DOUBLE AS bytes FROM phase ORDER BY start',
      ),
      right: Object.entries(phases ?? {}).map(([name, phase]) => ({
        name,
        start: phase?.startNs,
        tokens: phase?.tokens,
        bytes: phase?.reads.bytes,
      })),
    },
    {
      name: 'touches = model',
      left: await number('SELECT sum(bytes)::DOUBLE FROM touch'),
      right: model?.readBytes,
    },
    {
      name: 'touches of the generation',
      left: await number(`SELECT sum(bytes)::DOUBLE FROM touch WHERE phase = 'generation'`),
      right: phases?.generation?.model?.readBytes,
    },
    { name: 'tokens', left: await number('SELECT count(*) FROM token'), right: workload?.tokens },
    {
      name: 'tokens that touch are tokens, all but the first',
      left: (await rows('SELECT DISTINCT token FROM touch WHERE token IS NOT NULL ORDER BY token')).map(
        ({ token }) => token,
      ),
      right: (await rows('SELECT index FROM token ORDER BY index OFFSET 1')).map(({ index }) => index),
    },
    {
      name: 'experts that tokens used are not more than they use',
      left: await number('SELECT count(*) FROM expert_touch'),
      right: used,
      holds: '<=',
    },
    {
      name: 'the summary in the store',
      left: JSON.parse(String((await rows('SELECT summary::VARCHAR AS s FROM run'))[0]?.s)),
      right: JSON.parse(readFileSync(join(run.path, 'summary.json'), 'utf8')),
    },
  ];
}

/** By a database of its own: that of a run reads no other file. */
async function parquetRows(pattern: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const read = await connection.runAndReadAll(`SELECT count(*)::INTEGER FROM read_parquet('${pattern}')`);
    return Number(read.getRows()[0]?.[0]);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

interface TraceEvent {
  ph: string;
  cat?: string;
  name: string;
  args?: Record<string, number>;
}

async function inExports({ reads, integrity, timeline, model, workload }: Summary): Promise<Identity[]> {
  const [csv, jsonl, parquet, perfetto] = [
    await exported('csv', 'events.csv'),
    await exported('jsonl', 'events.jsonl'),
    await exported('parquet', 'dataset'),
    await exported('perfetto', 'timeline.json'),
  ];
  const { traceEvents } = JSON.parse(readFileSync(perfetto, 'utf8')) as { traceEvents: TraceEvent[] };
  const slices = (ph: string, cat: string) => traceEvents.filter((e) => e.ph === ph && e.cat === cat);
  const counted = traceEvents.filter(({ ph, name }) => ph === 'C' && name === 'bandwidth');
  const bytes = (key: string) =>
    sum(counted.map(({ args }) => (args?.[key] ?? 0) * 1e6)) * (timeline.bucketNs / 1e9);
  const [ofFiles, besides] = [bytes('read of the files MB/s'), bytes('other reads MB/s')];
  const files = await exported('blktrace', 'saved');
  const again = await blkscope(['import', files, '--json', '-o', join(folder, 'again')]);
  assert.equal(again.exitCode, 0, again.stderr);
  const imported = JSON.parse(again.stdout) as Summary;
  return [
    { name: 'CSV', left: (await lines(csv)) - 1, right: integrity.eventsRead },
    { name: 'JSON lines', left: await lines(jsonl), right: integrity.eventsRead },
    {
      name: 'Parquet',
      left: await parquetRows(`${parquet}/event/**/*.parquet`),
      right: integrity.eventsRead,
    },
    { name: 'Perfetto begins = ends', left: slices('b', 'io').length, right: slices('e', 'io').length },
    { name: 'Perfetto bandwidth = bytes read', left: Math.round(ofFiles + besides), right: reads.bytes },
    {
      name: 'Perfetto tells the files apart',
      left: model?.readBytes,
      right: Math.round(ofFiles),
      holds: '<=',
    },
    {
      name: 'Perfetto has a bucket for each of the timeline',
      left: counted.length,
      right: timeline.readBytes.length,
    },
    { name: 'Perfetto phases', left: slices('X', 'phase').length, right: 3 },
    { name: 'Perfetto tokens', left: slices('X', 'token').length, right: (workload?.tokens ?? 0) - 1 },
    {
      name: 'Perfetto names tensors',
      left: slices('b', 'io').filter(({ name }) => name.startsWith('blk.')).length,
      right: await number(`SELECT count(*) FROM io WHERE tensor LIKE 'blk.%' AND complete >= issue`),
    },
    {
      name: 'blktrace and back',
      left: [imported.reads.count, imported.reads.bytes, imported.reads.uniqueSectors, imported.gaps.device],
      right: [reads.count, reads.bytes, reads.uniqueSectors, run.summary.gaps.device],
    },
  ];
}

async function inReports(summary: Summary): Promise<Identity[]> {
  const screen = { ...plainScreen, columns: 200 };
  const text = renderReport(summary, { screen, all: true });
  const compared = renderComparison([{ name: 'it', summary }], { screen });
  const { stdout } = await blkscope(['report', run.path, '--json']);
  const shows = (page: string, value: string, label: string): Identity => ({
    name: `${label}: ${value}`,
    left: page.split('\n').some((line) => line.includes(value) && line.includes(label)),
    right: true,
  });
  const { model, reads, workload, phases } = summary;
  return [
    { name: 'report --json', left: JSON.parse(stdout), right: JSON.parse(JSON.stringify(summary)) },
    shows(text, format.size(model?.readBytes ?? 0), 'read'),
    shows(text, format.percent(model?.coverage ?? 0), 'coverage'),
    shows(text, format.factor(model?.reReadFactor ?? 0), 're-read factor'),
    shows(text, format.size(reads.bytes), 'read'),
    shows(text, format.size(phases?.generation?.model?.readBytes ?? 0), 'generation'),
    shows(compared, format.size(model?.readBytes ?? 0), 'model bytes read'),
    shows(compared, format.percent(phases?.generation?.model?.coverage ?? 0), 'coverage, generation'),
    shows(compared, format.decimal(workload?.tokensPerSecond ?? 0), 'tokens/s'),
  ];
}

test('what is one figure is one number in the summary, the report, SQL and the exports', async () => {
  const { summary } = run;
  const all = [
    ...withinTheSummary(summary),
    ...(await inSql(summary)),
    ...(await inExports(summary)),
    ...(await inReports(summary)),
  ];
  assert.ok(all.length >= 40, `${all.length}`);
  const broken = all.filter((identity) => !same(identity));
  assert.deepEqual(broken, []);
});

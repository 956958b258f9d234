import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance, type DuckDBResultReader, type JS } from '@duckdb/node-api';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import polars from 'nodejs-polars';
import type { EventBatch } from '../../../src/capture/batch.js';
import { exportRun } from '../../../src/export/export-run.js';
import { csvLine, exactValue } from '../../../src/report/rows.js';
import { openRun } from '../../../src/store/open-run.js';
import { openRuns } from '../../../src/store/open-runs.js';
import { storeSchemaVersion } from '../../../src/store/schema.js';
import { Importer } from '../../../src/trace-file/importer.js';
import { type Read, writeStoredRun } from '../store/stored-run.js';

const pairs = 500_000;
const readAt = (i: number): Read => ({ time: 1000 + i * 700, sector: (i % 9973) * 8, sectors: 8 });

/** What every format must give back: events, and the sums of their times, sectors and lengths. */
interface Totals {
  count: number;
  time: bigint;
  sector: bigint;
  sectors: bigint;
}
const expected: Totals = { count: 2 * pairs, time: 0n, sector: 0n, sectors: BigInt(16 * pairs) };

let folder: string;
let large: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-export-'));
  large = join(folder, 'runs', 'large');
  const reads = Array.from({ length: pairs }, (_, i) => readAt(i));
  for (const { time, sector } of reads) {
    expected.time += BigInt(2 * time - 100);
    expected.sector += BigInt(2 * sector);
  }
  await writeStoredRun(large, reads, 9973 * 8);
  await writeStoredRun(join(folder, 'runs', 'small'), [readAt(1), readAt(2)], 16);
});
after(() => rmSync(folder, { recursive: true }));

async function exported(format: Parameters<typeof exportRun>[1]['format'], name: string, path = large) {
  const output = join(folder, name);
  await using run = await openRun(path);
  await exportRun(run, { format, output });
  return output;
}

async function asked(sql: string): Promise<DuckDBResultReader> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const result = await connection.runAndReadAll(sql);
  connection.closeSync();
  instance.closeSync();
  return result;
}

async function rowsOf(sql: string): Promise<JS[][]> {
  return (await asked(sql)).getRowsJS();
}

async function totalsOf(relation: string): Promise<Totals> {
  const sums = ['time', 'sector', 'sectors'].map((name) => `sum(${name}::HUGEINT)::BIGINT AS ${name}`);
  const result = await asked(`SELECT count(*)::INT AS count, ${sums} FROM ${relation}`);
  return result.getRowObjectsJS()[0] as unknown as Totals;
}

test('a million events come back from every format with equal counts and sums', async () => {
  const csv = await exported('csv', 'events.csv');
  assert.deepEqual(await totalsOf(`read_csv('${csv}')`), expected);
  const first = readFileSync(csv, 'latin1').slice(0, 300).split('\n');
  assert.deepEqual(first.slice(0, 2), [
    'time,device,cpu,action,direction,sector,sectors,pid,process,flags,error',
    `900,${254 << 20},0,issue,read,0,8,100,llama-cli,0,0`,
  ]);
  const jsonl = await exported('jsonl', 'events.jsonl');
  assert.deepEqual(await totalsOf(`read_json('${jsonl}')`), expected);
  const copy = await exported('duckdb', 'copy.duckdb');
  assert.ok(readFileSync(copy).equals(readFileSync(join(large, 'trace.duckdb'))));

  await using run = await openRun(large);
  assert.deepEqual(await sumOf(run.eventColumns()), expected);

  // A timeline's requests, from their issue.
  const timeline = await exported('perfetto', 'events.json');
  const begun = `(SELECT (line->>'$.args.sector')::BIGINT AS sector, (line->>'$.args.bytes')::BIGINT // 512 AS sectors,
                         0 AS time FROM lines WHERE line LIKE '{"ph":"b"%')`;
  const lines = `read_csv('${timeline}', columns = {line: 'VARCHAR'}, delim = '\x01', quote = '', header = false)`;
  assert.deepEqual(
    await totalsOf(begun.replace('FROM lines', `FROM (SELECT rtrim(line, ',') AS line FROM ${lines})`)),
    {
      count: pairs,
      time: 0n,
      sector: expected.sector / 2n,
      sectors: expected.sectors / 2n,
    },
  );
});

test('a million events come back from blktrace files', async () => {
  const base = await exported('blktrace', 'events');
  using importer = new Importer({
    traces: [{ path: base }],
    files: [],
    fileDevice: 0,
    deliver: true,
    inOrder: false,
  });
  const { time, ...sums } = await sumOf(withSectors(importer));
  const { time: _, ...wanted } = expected;
  // blktrace counts from the trace's own start.
  assert.deepEqual(sums, wanted);
  assert.equal((expected.time - time) % BigInt(2 * pairs), 0n);
});

interface SummedColumns {
  length: number;
  time: BigUint64Array;
  sector: BigUint64Array;
  sectors: Uint32Array;
}

async function sumOf(batches: AsyncIterable<SummedColumns>): Promise<Totals> {
  const sums: Totals = { count: 0, time: 0n, sector: 0n, sectors: 0n };
  for await (const { length, time, sector, sectors } of batches) {
    sums.count += length;
    for (let i = 0; i < length; i++) {
      sums.time += time[i] as bigint;
      sums.sector += sector[i] as bigint;
      sums.sectors += BigInt(sectors[i] as number);
    }
  }
  return sums;
}

async function* withSectors(batches: AsyncIterable<EventBatch>): AsyncGenerator<SummedColumns> {
  for await (const { length, time, sector, bytes } of batches) {
    yield { length, time, sector, sectors: Uint32Array.from(bytes, (count) => count / 512) };
  }
}

test('the Parquet dataset reads the same by three engines, and grows by whole runs', async () => {
  const dataset = await exported('parquet', 'dataset');
  const file = join(dataset, 'event/run=large/host=alpha/event.parquet');
  const before = { ino: statSync(file).ino, bytes: readFileSync(file) };
  await exported('parquet', 'dataset', join(folder, 'runs', 'small'));
  assert.equal(statSync(file).ino, before.ino);
  assert.ok(readFileSync(file).equals(before.bytes));
  assert.deepEqual(await totalsOf(`read_parquet('${file}')`), expected);
  const late = `(FROM (SELECT *, lag(time) OVER (ORDER BY file_row_number) AS before FROM read_parquet('${file}', file_row_number = true)) WHERE time < before)`;
  assert.equal((await totalsOf(late)).count, 0, 'the events are in order');
  const all = `read_parquet('${dataset}/event/**/*.parquet', hive_partitioning = true)`;
  assert.equal((await totalsOf(`(FROM ${all} WHERE run = 'small' AND host = 'alpha')`)).count, 4);

  await partitionsAloneNameTheHost(dataset);
  await anotherEngineAnswersAlike(dataset);

  const frame = polars.readParquet(file);
  const sum = (name: string) => BigInt(frame.getColumn(name).sum());
  assert.deepEqual(
    { count: frame.height, time: sum('time'), sector: sum('sector'), sectors: sum('sectors') },
    expected,
  );

  const totals: Totals = { count: 0, time: 0n, sector: 0n, sectors: 0n };
  const rows = await parquetReadObjects({
    file: await asyncBufferFromFile(file),
    columns: ['time', 'sector', 'sectors'],
    compressors,
  });
  for (const row of rows) {
    totals.count++;
    totals.time += BigInt(row.time);
    totals.sector += BigInt(row.sector);
    totals.sectors += BigInt(row.sectors);
  }
  assert.deepEqual(totals, expected);
  await assert.rejects(exported('parquet', 'dataset'), { code: 'EEXIST', message: /holds this run already/ });
});

/** What docs/store.md asks of a dataset as a whole: runs by their partitions, and times on the wall clock by a join. */
async function anotherEngineAnswersAlike(dataset: string): Promise<void> {
  const { col, lit } = polars;
  const scan = (table: string) =>
    polars.scanParquet(`${dataset}/${table}/**/*.parquet`, { hivePartitioning: true });
  const number = (expression: polars.Expr) => expression.cast(polars.Float64);
  const byRun = await scan('event')
    .groupBy(['run', 'host'])
    .agg(number(polars.len()).alias('count'), number(col('sectors').sum()).alias('total'))
    .sort('run')
    .collect();
  const all = `read_parquet('${dataset}/event/**/*.parquet', hive_partitioning = true)`;
  const counted = 'count(*)::DOUBLE, sum(sectors)::DOUBLE';
  assert.deepEqual(
    byRun.rows(),
    await rowsOf(`SELECT run, host, ${counted} FROM ${all} GROUP BY ALL ORDER BY run`),
  );

  const completed = await scan('event')
    .filter(col('action').eq(lit('complete')))
    .join(scan('run'), { on: ['run', 'host'], how: 'inner' })
    .groupBy('run')
    .agg(number(col('time').minus(col('started_ns')).max()).alias('last'))
    .sort('run')
    .collect();
  const runs = `read_parquet('${dataset}/run/**/*.parquet', hive_partitioning = true)`;
  assert.deepEqual(
    completed.rows(),
    await rowsOf(
      `SELECT run, max(time - started_ns)::DOUBLE FROM ${all} AS events JOIN ${runs} AS runs USING (run, host) WHERE action = 'complete' GROUP BY run ORDER BY run`,
    ),
  );
}

/** A file with a column that its path gives too is refused by pyarrow, which reads the two as different types. */
async function partitionsAloneNameTheHost(dataset: string): Promise<void> {
  const run = join(dataset, 'run/run=small/host=alpha/run.parquet');
  assert.deepEqual(polars.readParquet(run).columns, ['schema_version', 'started', 'started_ns', 'summary']);
  const all = `read_parquet('${dataset}/run/**/*.parquet', hive_partitioning = true)`;
  assert.deepEqual(await rowsOf(`SELECT run, host, started_ns::INT FROM ${all} ORDER BY run`), [
    ['large', 'alpha', 1],
    ['small', 'alpha', 1],
  ]);
}

test('the timeline is strict Chrome trace JSON: known phases, every begin with its end', async () => {
  const path = await exported('perfetto', 'small.json', join(folder, 'runs', 'small'));
  const trace = JSON.parse(readFileSync(path, 'utf8'));
  assert.deepEqual(Object.keys(trace), ['displayTimeUnit', 'traceEvents']);
  const open = new Map<string, number>();
  const seen = new Set<string>();
  for (const event of trace.traceEvents) {
    seen.add(event.ph);
    for (const id of ['pid', 'tid']) assert.ok(Number.isInteger(event[id]), JSON.stringify(event));
    assert.equal(typeof event.name, 'string');
    assert.ok(event.ph === 'M' || (Number.isFinite(event.ts) && event.ts >= 0), JSON.stringify(event));
    if (event.ph === 'X') assert.ok(event.dur >= 0);
    if (event.ph === 'C') for (const value of Object.values(event.args)) assert.equal(typeof value, 'number');
    if (event.ph === 'b' || event.ph === 'e') {
      assert.equal(typeof event.id, 'string');
      open.set(event.id, (open.get(event.id) ?? 0) + (event.ph === 'b' ? 1 : -1));
    }
  }
  assert.deepEqual([...seen].sort(), ['C', 'M', 'X', 'b', 'e']);
  assert.deepEqual([...open.values()], [0, 0]);
});

test('a table is refused by the formats of whole runs', async () => {
  await using run = await openRun(join(folder, 'runs', 'small'));
  for (const format of ['parquet', 'duckdb', 'perfetto', 'blktrace'] as const) {
    const output = join(folder, `one-table-${format}`);
    await assert.rejects(exportRun(run, { format, output, table: 'io' }), {
      code: 'WHOLE_RUN',
      exitCode: 2,
      message: `--format ${format} writes the whole run; --table is for csv and jsonl`,
    });
  }
  const output = join(folder, 'io.csv');
  await exportRun(run, { format: 'csv', output, table: 'io' });
  assert.match(readFileSync(output, 'latin1'), /^device,direction,/);
});

test('a reader that ends early ends an export quietly', () => {
  const cli = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
  const command = '"$0" --import tsx "$1" export "$2" --format jsonl | head -1; exit $PIPESTATUS';
  const result = spawnSync('bash', ['-c', command, process.execPath, cli, large], { encoding: 'utf8' });
  assert.deepEqual([result.status, result.stderr], [0, '']);
  assert.equal(JSON.parse(result.stdout).time, 900);
});

test('many runs are asked as one', async () => {
  await using runs = await openRuns([join(folder, 'runs', '*')]);
  const result = await runs.query('SELECT run, count(*)::INT FROM event GROUP BY run ORDER BY run');
  assert.deepEqual(await result.getRows(), [
    ['large', 2 * pairs],
    ['small', 4],
  ]);
  const unique = await runs.query("SELECT DISTINCT sectors::INT FROM unique_sectors WHERE run = 'small'");
  assert.deepEqual(await unique.getRows(), [[16]]);
  await assert.rejects(runs.query('SELECT nothing FROM event'), {
    code: 'QUERY',
    message: /^query: .*nothing/,
  });
  await assert.rejects(openRuns([join(folder, 'no*')]), { code: 'ENOENT', message: /no run with a trace/ });
});

test('a query is one statement, as a PIVOT is', async () => {
  await using runs = await openRuns([join(folder, 'runs', 'small')]);
  const written = join(folder, 'written');
  const copy = `COPY (SELECT 5) TO '${written}'`;
  const pivot = 'PIVOT event ON action USING count(*)::INT AS n GROUP BY run';
  for (const sql of [
    `SELECT 1; ${copy}`,
    `${copy}; SELECT 1`,
    `CREATE TABLE t AS SELECT 1; ${copy}`,
    `${pivot}; ${copy}`,
    `${pivot}; ${pivot}`,
  ]) {
    await assert.rejects(runs.query(sql), { code: 'QUERY', exitCode: 2, message: /^query: more than one/ });
  }
  assert.ok(!existsSync(written));
  const rows = async (sql: string) => (await runs.query(sql)).getRows();
  assert.deepEqual(await rows("SELECT ';' -- one; two\n;"), [[';']]);
  assert.deepEqual(await rows(pivot), [['small', 2, 2]]);
});

test('values are printed as DuckDB writes them, times to their last digit', async () => {
  await using runs = await openRuns([join(folder, 'runs', 'small')]);
  const result = await runs.query(
    `SELECT TIMESTAMP '2026-01-02 03:04:05.123456', TIMESTAMP_NS '2026-01-02 03:04:05.123456789', DATE '2026-01-02',
       1.25::DECIMAL(5, 2), 12345678901234567890.125::DECIMAL(38, 3), 18446744073709551615::UBIGINT, INTERVAL 3 DAYS, [1, 2], {'a': 3::BIGINT}, NULL, 'x,y'`,
  );
  const rows = await result.convertRows(exactValue);
  assert.equal(
    csvLine(rows[0] ?? []),
    '2026-01-02 03:04:05.123456,2026-01-02 03:04:05.123456789,2026-01-02,1.25,12345678901234567890.125,18446744073709551615,3 days,"[1,2]","{""a"":3}",,"x,y"\n',
  );
});

test('a UNION ALL of joins, which DuckDB cannot stream, is answered', { timeout: 60_000 }, async () => {
  await using runs = await openRuns([large]);
  const arm = 'SELECT a.time FROM event_row a JOIN event_row b USING (time)';
  const result = await runs.query(`${arm} UNION ALL ${arm}`);
  assert.equal((await result.getRows()).length, 4 * pairs);
});

async function changed(run: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(join(run, 'trace.duckdb'));
  const connection = await instance.connect();
  await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

test('a run made before a view or a table was known is asked beside newer ones', async () => {
  const before = join(folder, 'before');
  await writeStoredRun(before, [readAt(1)], 8);
  await changed(before, 'DROP VIEW reread; DROP TABLE token');
  await using runs = await openRuns([before, join(folder, 'runs', 'small')]);
  const names = async (sql: string) => (await (await runs.query(sql)).getRows()).flat();
  assert.deepEqual(await names('SELECT DISTINCT run FROM reread ORDER BY run'), ['before', 'small']);
  assert.deepEqual(await names('SELECT DISTINCT run FROM token_bytes'), ['small']);
  assert.deepEqual(await names('SELECT DISTINCT run FROM bandwidth ORDER BY run'), ['before', 'small']);
});

test("a run that was stored with an older version's views is read by today's, whoever reads it", async () => {
  const old = join(folder, 'old');
  await writeStoredRun(old, [readAt(1), { time: 3000, sector: 8, sectors: 16 }], 16);
  await changed(
    old,
    `CREATE OR REPLACE VIEW read_range AS SELECT device, sector, sectors::BIGINT FROM event_row WHERE action = 'complete';
     CREATE OR REPLACE VIEW completed AS SELECT time, device, direction, sector, sectors FROM event_row`,
  );
  const sumOf = 'SELECT sum(sectors)::INTEGER FROM read_range';
  await using run = await openRun(old);
  const expected = (await (await run.connect()).runAndReadAll(sumOf)).getRows();
  await using runs = await openRuns([old]);
  assert.deepEqual(await (await runs.query(sumOf)).getRows(), expected);
  const copy = join(folder, 'renewed.duckdb');
  await exportRun(run, { format: 'duckdb', output: copy });
  const instance = await DuckDBInstance.create(copy, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  assert.deepEqual((await connection.runAndReadAll(sumOf)).getRows(), expected);
  assert.deepEqual((await connection.runAndReadAll('SELECT count(*)::INTEGER FROM completed')).getRows(), [
    [2],
  ]);
  connection.closeSync();
  instance.closeSync();
});

test('a trace of another schema is refused with the reason', async () => {
  const older = join(folder, 'older');
  await writeStoredRun(older, [readAt(1)], 8);
  const asVersion = (version: number) => changed(older, `UPDATE run SET schema_version = ${version}`);
  const refused = async (message: RegExp) => {
    await using run = await openRun(older);
    await assert.rejects(run.connect(), { code: 'SCHEMA_VERSION', message });
  };
  const [known, newer] = [storeSchemaVersion, storeSchemaVersion + 1];
  await asVersion(1);
  await refused(
    new RegExp(
      `trace\\.duckdb: store schema 1, this blkscope reads ${known}; an older blkscope wrote it: [^\\n]*$`,
    ),
  );
  await asVersion(newer);
  await refused(
    new RegExp(
      `store schema ${newer}, this blkscope reads ${known}; a newer blkscope wrote it: update blkscope$`,
    ),
  );
});

test('rows come typed from the API', async () => {
  await using run = await openRun(join(folder, 'runs', 'small'));
  const events = [];
  for await (const event of run.events()) events.push(event);
  assert.deepEqual(events[0], {
    time: 1600n,
    device: 254 << 20,
    cpu: 0,
    action: 'issue',
    direction: 'read',
    sector: 8n,
    sectors: 8,
    pid: 100,
    process: 'llama-cli',
    flags: 0,
    error: 0,
  });
  const ios = [];
  for await (const io of run.ios()) ios.push(io);
  assert.deepEqual(
    ios.map(({ issue, complete, getrq }) => [issue, complete, getrq]),
    [
      [1600n, 1700n, null],
      [2300n, 2400n, null],
    ],
  );
  const tensors = [];
  for await (const { name, bytes } of run.tensors()) tensors.push([name, bytes]);
  assert.deepEqual(tensors, [
    ['token_embd.weight', 6144n],
    ['blk.0.attn_q.weight', 10240n],
  ]);
});

test('a full disk ends an export with one line, and nothing is left of it', async (t) => {
  const target = join(folder, 'full');
  mkdirSync(target);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', target]).status !== 0) {
    return t.skip('needs root to mount a small tmpfs');
  }
  try {
    for (const format of ['csv', 'jsonl', 'parquet', 'duckdb', 'perfetto'] as const) {
      await assert.rejects(exported(format, `full/${format}`), (error: Error & { code: string }) => {
        assert.equal(error.code, 'ENOSPC', `${format}: ${error.message}`);
        assert.match(error.message, /^cannot write .*: the disk is full; [^\n]*$/);
        return true;
      });
      const left = readdirSync(target, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
      assert.deepEqual(
        left.map(({ name }) => name),
        [],
        format,
      );
    }
    assert.ok(existsSync(join(large, 'trace.duckdb')));
  } finally {
    spawnSync('umount', [target]);
  }
});

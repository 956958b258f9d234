// Asks a dataset one of the questions of docs/store.md with one engine, and prints the answer as JSON. A process of its own, so that
// its peak memory is its own.
//
//   query-dataset.ts duckdb|polars|hyparquet FOLDER QUESTION
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet';
import polars from 'nodejs-polars';

const { col } = polars;

type Row = (string | number | bigint)[];

/** In the order of their columns: names first, then sums. */
const sql: Record<string, string> = {
  'rows by run': 'SELECT run, host, count(*) FROM events GROUP BY ALL',
  sums: 'SELECT count(*), sum(time::HUGEINT), sum(sectors) FROM events',
  'by action': 'SELECT action, direction, count(*), sum(sectors) FROM events GROUP BY ALL',
  'read by run':
    "SELECT run, sum(sectors) FROM events WHERE action = 'complete' AND direction = 'read' GROUP BY run",
};

async function byDuckdb(dataset: string, question: string): Promise<Row[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const files = `read_parquet('${dataset}/event/**/*.parquet', hive_partitioning = true)`;
  const result = await connection.runAndReadAll(`WITH events AS (FROM ${files}) ${sql[question]}`);
  return result.getRows() as Row[];
}

type Events = ReturnType<typeof polars.scanParquet>;
const number = polars.Float64;

const frames: Record<string, (events: Events) => Events> = {
  'rows by run': (events) => events.groupBy(['run', 'host']).agg(polars.len().cast(number)),
  sums: (events) =>
    events.select(
      polars.len().cast(number),
      col('time').cast(number).sum().alias('times'),
      col('sectors').sum().cast(number),
    ),
  'by action': (events) =>
    events.groupBy(['action', 'direction']).agg(polars.len().cast(number), col('sectors').sum().cast(number)),
  'read by run': (events) =>
    events
      .filter(
        col('action')
          .eq(polars.lit('complete'))
          .and(col('direction').eq(polars.lit('read'))),
      )
      .groupBy('run')
      .agg(col('sectors').sum().cast(number)),
};

async function byPolars(dataset: string, question: string): Promise<Row[]> {
  const events = polars.scanParquet(`${dataset}/event/**/*.parquet`, { hivePartitioning: true });
  const frame = await (frames[question] as (typeof frames)[string])(events).collect({ streaming: true });
  return frame.rows() as Row[];
}

/** It has no queries of its own: what the files tell of themselves. */
async function byHyparquet(dataset: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const run of readdirSync(join(dataset, 'event'))) {
    for (const host of readdirSync(join(dataset, 'event', run))) {
      const file = await asyncBufferFromFile(join(dataset, 'event', run, host, 'event.parquet'));
      const { num_rows: count } = await parquetMetadataAsync(file);
      rows.push([run.slice('run='.length), host.slice('host='.length), count]);
    }
  }
  return rows;
}

const engines: Record<string, (dataset: string, question: string) => Promise<Row[]>> = {
  duckdb: byDuckdb,
  polars: byPolars,
  hyparquet: byHyparquet,
};

const [engine = '', dataset = '', question = ''] = process.argv.slice(2);
const ask = engines[engine];
if (!ask) throw new Error(`${engine}: no such engine`);
const rows = await ask(dataset, question);
const plain = rows.map((row) => row.map((value) => (typeof value === 'bigint' ? Number(value) : value)));
const seconds = performance.now() / 1000;
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ rows: plain.sort(), seconds, peakBytes }));

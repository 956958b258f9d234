import { dirname, join } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { copyNew } from '../files/copy.js';
import { runFiles } from '../run/run-folder.js';
import { storeError } from '../run/store-error.js';
import { writeWhole } from '../run/whole-file.js';
import type { Run } from '../store/open-run.js';
import { renewViews } from '../store/renewed-views.js';
import { type Table, tables } from '../store/schema.js';
import { quoted } from '../store/sql-text.js';
import { exportBlktrace } from './blktrace.js';
import { writeChromeTrace } from './chrome-trace.js';
import type { ExportFormat } from './formats.js';
import { orderedRows } from './ordered-rows.js';
import { addToDataset } from './parquet-dataset.js';

/** The formats that hold one table each. */
const tableFormats = ['csv', 'jsonl'] as const;

/**
 * What the database may hold of a trace of any size while it is written; the rest waits on disk. What a thread is about to
 * write, a Parquet row group for one, is not in that limit: so one thread, which is faster as well where there are
 * two cores, since rows stay in their order and the threads would wait for each other.
 */
const boundedMemory = `SET memory_limit = '256MB'; SET threads = 1`;

/** What is exported, and where to. */
export interface ExportOptions {
  format: ExportFormat;
  /**
   * A file; for parquet the dataset's folder, for blktrace the base name of its files. `/dev/stdout`, or the writing end of a
   * pipe by its descriptor (`/proc/self/fd/9`), takes csv and jsonl.
   */
  output: string;
  /** For csv and jsonl alone, which hold one table each. Default: event. */
  table?: string;
  /** For blktrace alone: add a queue event to each first issue of a device whose queue events were not traced. */
  makeQueues?: boolean;
}

/**
 * Exports a finished run. A file appears whole or not at all, and none is overwritten. Returns what the format could not
 * hold, in words; null: nothing.
 *
 * Throws BlkscopeError: the run kept no events, the target exists or cannot be written, no such table, or a format of no single table.
 */
export async function exportRun(
  run: Run,
  { format, output, table, makeQueues = false }: ExportOptions,
): Promise<string | null> {
  if (table !== undefined && !(tableFormats as readonly string[]).includes(format)) {
    throw new BlkscopeError(
      'WHOLE_RUN',
      `--format ${format} writes the whole run; --table is for ${tableFormats.join(' and ')}`,
    );
  }
  const name = tables.find((known) => known === (table ?? 'event'));
  if (!name) throw new BlkscopeError('NO_TABLE', `no table '${table}'; there are ${tables.join(', ')}`);
  if (makeQueues && format !== 'blktrace') {
    throw new BlkscopeError('NOT_BLKTRACE', '--make-queues is for --format blktrace');
  }
  if (format !== 'blktrace') {
    await writeTables(run, format, name, output);
    return null;
  }
  return await exportBlktrace(run, output, makeQueues);
}

async function writeTables(
  run: Run,
  format: Exclude<ExportFormat, 'blktrace'>,
  table: Table,
  output: string,
): Promise<void> {
  const { connection, lock } = await run.connectUnlocked();
  try {
    await connection.run(boundedMemory);
    if (format === 'parquet') {
      await addToDataset(run, { connection, lock }, output);
    } else if (format === 'duckdb') {
      const trace = join(run.path, runFiles.trace);
      await writeWhole(output, async (partial) => {
        await copyNew(trace, partial);
        await renewViews(connection, partial);
      });
    } else if (format === 'perfetto') {
      await writeWhole(output, async (partial) => {
        await lock([dirname(partial)]);
        await writeChromeTrace(connection, run.summary.timeline, partial);
      });
    } else {
      const streamed = isStream(output);
      const write = async (path: string) => {
        await (streamed ? lock([], [path]) : lock([dirname(path)]));
        await connection.run(copySql(await orderedRows(connection, table), format, path));
      };
      await (streamed ? write(output) : writeWhole(output, write));
    }
  } catch (error) {
    throw storeError(error, `write ${output}`);
  }
}

/** What is there already, and is written as it comes. */
const isStream = (output: string) => /^\/dev\/stdout$|^\/proc\/self\/fd\/\d+$/.test(output);

function copySql(rows: string, format: 'csv' | 'jsonl', path: string): string {
  const options = format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT json';
  return `COPY (FROM ${rows}) TO ${quoted(path)} (${options})`;
}

import type { FinishedRun } from '../experiment/finish-run.js';
import type { ExportOptions } from '../export/export-run.js';
import type { Run } from '../store/open-run.js';
import type { ImportOptions } from '../trace-file/import-trace.js';
import { asked } from './asked.js';

/**
 * Makes a run from a saved trace: blktrace's files, a piped stream of them, or a dump of `blkparse -d`. Needs no root. What can be
 * read is kept; what cannot is in the summary's integrity and in the result's `problem`.
 *
 * @throws BlkscopeError: BAD_ARGUMENT; ENOENT: no such trace; NOT_A_TRACE: nothing in it; WRONG_DEVICE: files of another disk than the traced one;
 * EEXIST, ENOSPC, EACCES of the run's folder.
 * @example
 * const { run } = await importTrace({ paths: ['trace'], output: 'runs/imported' });
 * console.log(run.summary.reads.count, run.summary.reads.bytes);
 * run.close();
 */
export async function importTrace(options: ImportOptions): Promise<FinishedRun> {
  const asks = await asked<ImportOptions>('importing', options, 'importTrace');
  return (await import('../trace-file/import-trace.js')).importTrace(asks);
}

/**
 * Exports a run. A file appears whole or not at all, and none is overwritten.
 *
 * @returns What the format could not hold, in words; null: nothing.
 * @throws BlkscopeError: BAD_ARGUMENT; ENOENT: the run kept no events; EEXIST, ENOSPC, EACCES of the target; NO_TABLE; WHOLE_RUN: a table of a
 * format that has no single one; NOT_BLKTRACE.
 * @example
 * using run = await openRun('runs/one');
 * await exportRun(run, { format: 'csv', table: 'io', output: 'io.csv' });
 */
export async function exportRun(run: Run, options: ExportOptions): Promise<string | null> {
  const asks = await asked<ExportOptions>('exporting', options, 'exportRun');
  return (await import('../export/export-run.js')).exportRun(run, asks);
}

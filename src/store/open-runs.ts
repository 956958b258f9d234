import type { QueryOptions } from './query-options.js';
import type { RunSet } from './run-set.js';

/**
 * Opens several runs as one database: every table and view of docs/store.md, with the run's name in a column `run`.
 *
 * @param patterns Run folders, or patterns of them (`runs/*`).
 * @throws BlkscopeError: BAD_ARGUMENT, ENOENT, NOT_A_RUN, BAD_RUN, BAD_SCHEMA.
 * @example
 * using runs = await openRuns(['runs/*']);
 * const result = await runs.query('SELECT run, count() FROM io GROUP BY run');
 * console.log(await result.getRowObjectsJson());
 */
export async function openRuns(patterns: readonly string[], options: QueryOptions = {}): Promise<RunSet> {
  const { queryOptions } = await import('./query-options.js');
  const { RunSet } = await import('./run-set.js');
  return RunSet.open(patterns, queryOptions(options));
}

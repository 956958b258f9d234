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
  const { RunSet } = await import('./run-set.js');
  return RunSet.open(patterns, await checked(options));
}

/** What most give, nothing, needs no schema. */
async function checked(options: QueryOptions): Promise<QueryOptions> {
  if (isEmpty(options)) return options;
  return (await import('./query-options.js')).queryOptions(options);
}

function isEmpty(options: unknown): boolean {
  return (
    typeof options === 'object' &&
    options !== null &&
    !Array.isArray(options) &&
    Object.keys(options).length === 0
  );
}

import type { DuckDBResult } from '@duckdb/node-api';
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

/** What a query gives, with the runs, which are to be closed after it. */
export interface Answer {
  runs: RunSet;
  result: DuckDBResult;
}

/**
 * One query of several runs, as `openRuns` and then `query`: only what its text names is made ready, since to make all ready takes longer than
 * most queries.
 */
export async function askRuns(
  patterns: readonly string[],
  sql: string,
  options: QueryOptions = {},
): Promise<Answer> {
  const { namedRelations } = await import('./named-relations.js');
  const named = options.unsafe ? null : namedRelations(sql);
  const { RunSet } = await import('./run-set.js');
  const known = await checked(options);
  const ask = async (relations: ReadonlySet<string> | null) =>
    answerOf(await RunSet.open(patterns, known, relations), sql);
  if (!named) return ask(null);
  return ask(named).catch((error: unknown) => {
    if (isOfNames(error)) return ask(null); // with all there, the message names what was meant
    throw error;
  });
}

async function answerOf(runs: RunSet, sql: string): Promise<Answer> {
  try {
    return { runs, result: await runs.query(sql) };
  } catch (error) {
    runs.close();
    throw error;
  }
}

function isOfNames(error: unknown): boolean {
  return /^(Catalog|Binder) Error/.test(((error as Error).cause as Error | undefined)?.message ?? '');
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

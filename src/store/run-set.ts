import { basename, join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from '@duckdb/node-api';
import { BlkscopeError } from '../errors.js';
import { runFiles } from '../run/run-folder.js';
import { storeError } from '../run/store-error.js';
import { findRuns } from './find-runs.js';
import { openDatabase } from './open-database.js';
import { openRun } from './open-run.js';
import { rowTables, tables } from './schema.js';
import { quoted } from './sql-text.js';
import { views } from './views.js';

/** Several runs as one database: every table and view of docs/store.md, with the run's name in a column `run`. */
export class RunSet implements AsyncDisposable {
  private constructor(
    readonly paths: readonly string[],
    readonly connection: DuckDBConnection,
    readonly instance: DuckDBInstance,
  ) {}

  static async open(patterns: readonly string[]): Promise<RunSet> {
    const paths = findRuns(patterns);
    for (const path of paths) {
      await using run = await openRun(path);
      await run.connect();
    }
    const instance = await openDatabase(':memory:');
    const set = new RunSet(paths, await instance.connect(), instance);
    try {
      await set.#attach();
      return set;
    } catch (error) {
      await set[Symbol.asyncDispose]();
      throw storeError(error, `open ${patterns.join(' ')}`);
    }
  }

  /**
   * Runs a query, of one statement. Its result is held in memory: a stream of a UNION ALL, which every table of several runs is, may never
   * start (duckdb/duckdb#22215). Throws BlkscopeError: what is wrong with it.
   */
  async query(sql: string): Promise<DuckDBResult> {
    if (!(await isOneStatement(this.connection, sql))) {
      throw new BlkscopeError('QUERY', 'query: more than one statement; ask one at a time, nothing was run');
    }
    try {
      return await this.connection.run(sql);
    } catch (error) {
      throw new BlkscopeError('QUERY', `query: ${oneLine((error as Error).message)}`, 'usage', {
        cause: error,
      });
    }
  }

  async #attach(): Promise<void> {
    const runs = runNames(this.paths).map((name, i) => ({ name, alias: `r${i}`, holds: new Set<string>() }));
    for (const [i, { alias, holds }] of runs.entries()) {
      const trace = join(this.paths[i] as string, runFiles.trace);
      await this.connection.run(`ATTACH ${quoted(trace)} AS ${alias} (READ_ONLY)`);
      const found = await this.connection.runAndReadAll(
        `SELECT table_name FROM information_schema.tables WHERE table_catalog = ${quoted(alias)}`,
      );
      for (const [name] of found.getRows()) holds.add(String(name));
    }
    for (const name of [...tables, ...rowTables, ...views]) {
      // A run may be older than a view.
      const parts = runs
        .filter(({ holds }) => holds.has(name))
        .map((run) => `SELECT ${quoted(run.name)} AS run, * FROM ${run.alias}.${name}`);
      if (parts.length > 0)
        await this.connection.run(`CREATE VIEW ${name} AS ${parts.join(' UNION ALL BY NAME ')}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.closeSync();
    this.instance.closeSync();
  }
}

/** `patterns`: run folders, or patterns of them. Throws BlkscopeError: no such run, no trace, another schema. */
export function openRuns(patterns: readonly string[]): Promise<RunSet> {
  return RunSet.open(patterns);
}

/** Folder names, or whole paths where two folders have the same name. */
function runNames(paths: readonly string[]): string[] {
  const names = paths.map((path) => basename(path));
  return new Set(names).size === names.length ? names : [...paths];
}

/**
 * Of several statements the database would run all and give back one's rows. Its parser makes several of a PIVOT too: a
 * type for each column that gives names comes before the statement that needs it. What it cannot parse is left to the
 * query itself, which says why.
 */
async function isOneStatement(connection: DuckDBConnection, sql: string): Promise<boolean> {
  const statements = await connection.extractStatements(sql).catch(() => null);
  if (statements === null || statements.count === 1) return true;
  const { StatementType } = await import('@duckdb/node-api');
  const last = statements.count - 1;
  for (let i = 0; i < last; i++) {
    const statement = await statements.prepare(i).catch(() => null);
    if (statement?.statementType !== StatementType.CREATE) return false;
  }
  const missing = await statements.prepare(last).then(
    () => '',
    (error: Error) => error.message,
  );
  return missing.includes('__pivot_enum');
}

/** The database's message without its drawing of where in the query the error is. */
function oneLine(message: string): string {
  return (message.split(/\n\s*\n|\nLINE /)[0] as string).replaceAll('\n', ' ');
}

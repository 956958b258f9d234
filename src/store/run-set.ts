import { basename } from 'node:path';
import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api';
import { BlkscopeError } from '../errors.js';
import { storeError } from '../run/store-error.js';
import { type AttachedRun, attachRuns } from './attached-run.js';
import { findRuns } from './find-runs.js';
import { relationsIn } from './named-relations.js';
import { ReadingDatabase, withinTime } from './open-database.js';
import { openRun } from './open-run.js';
import type { QueryOptions } from './query-options.js';
import { rowTables, tables } from './schema.js';
import { quoted } from './sql-text.js';
import { viewList, views } from './views.js';

const defaultTimeMs = 600_000;

/**
 * Of a view of more runs the rows are copied. The database plans the joins of all its runs at once, whose time goes with the square of
 * their number and more: 150 runs take 0.6 s, 300 take 11, and 600 all of its memory.
 */
const mostPlanned = 100;

const known: readonly string[] = [...tables, ...rowTables, ...views];

/**
 * Several runs as one database: every table and view of docs/store.md, with the run's name in a column `run`. Whoever made
 * the runs, nothing of his is run; see Run.connect.
 */
export class RunSet implements AsyncDisposable, Disposable {
  #closed = false;
  #attached: readonly AttachedRun[] = [];
  readonly #made = new Set<string>();

  private constructor(
    readonly paths: readonly string[],
    private readonly database: ReadingDatabase,
    private readonly options: QueryOptions,
  ) {}

  get #limitMs(): number {
    return this.options.timeLimitMs ?? defaultTimeMs;
  }

  get #isLarge(): boolean {
    return this.paths.length > mostPlanned;
  }

  /** Of more than 100 runs it has those tables and views alone that queries have named so far. */
  get connection(): DuckDBConnection {
    return this.database.connection;
  }

  /** `named`: with these tables and views alone; null: with all. */
  static async open(
    patterns: readonly string[],
    options: QueryOptions = {},
    named: ReadonlySet<string> | null = null,
  ): Promise<RunSet> {
    const paths = findRuns(patterns);
    for (const path of paths) await requireTrace(path);
    const set = new RunSet(paths, await ReadingDatabase.open(), options);
    try {
      set.#attached = await attachRuns(set.connection, paths, named);
      if (!set.#isLarge) await set.#make(named ?? new Set(known));
      if (!options.unsafe) await set.database.lock();
      return set;
    } catch (error) {
      set.close();
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
      if (this.#isLarge) await this.#make(relationsIn(sql));
      return await withinTime(this.connection, this.#limitMs, 'query', () => this.connection.run(sql));
    } catch (error) {
      if (error instanceof BlkscopeError) throw error;
      if (refusal.test((error as Error).message)) throw refused(error as Error);
      throw new BlkscopeError('QUERY', `query: ${oneLine((error as Error).message)}`, 'usage', {
        cause: error,
      });
    }
  }

  /** Makes the tables and views of these names that are not there yet. */
  async #make(wanted: ReadonlySet<string>): Promise<void> {
    const names = runNames(this.paths);
    for (const name of known.filter((each) => wanted.has(each) && !this.#made.has(each))) {
      // A run may be older than a table or view.
      const parts = this.#attached.flatMap(({ relations }, i) => {
        const from = relations.get(name);
        return from ? [`SELECT ${quoted(names[i] as string)} AS run, * FROM ${from}`] : [];
      });
      if (parts.length > mostPlanned && name in viewList) await this.#copy(name, parts);
      else if (parts.length > 0)
        await this.connection.run(`CREATE VIEW ${name} AS ${parts.join(' UNION ALL BY NAME ')}`);
      this.#made.add(name);
    }
  }

  /** What a view gives of many runs, one run after the other: of all, or of none. */
  async #copy(name: string, parts: readonly string[]): Promise<void> {
    const { connection } = this;
    const copyAll = async () => {
      for (const [i, part] of parts.entries())
        await connection.run(
          `${i === 0 ? `CREATE TABLE ${name} AS` : `INSERT INTO ${name} BY NAME`} ${part}`,
        );
    };
    try {
      await withinTime(connection, this.#limitMs, `query: ${name} of ${parts.length} runs`, copyAll);
    } catch (error) {
      await connection.run(`DROP TABLE IF EXISTS ${name}`);
      throw error;
    }
  }

  /** Does nothing the second time. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.database.close();
    for (const { release } of this.#attached) release();
  }

  /** `using`: see `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** `await using`: see `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

async function requireTrace(path: string): Promise<void> {
  await using run = await openRun(path);
  if (!run.hasTrace) await run.connect(); // throws what is to be said
}

/** What the database says of what a locked one does not do. */
const refusal =
  /^Permission Error|disabled (by|through) configuration|configuration has been locked|read-only mode/;

function refused(error: Error): BlkscopeError {
  return new BlkscopeError(
    'READS_ONLY',
    `query reads the runs and nothing else (${oneLine(error.message)}); --unsafe lets it write, attach and install`,
    'usage',
    { cause: error },
  );
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

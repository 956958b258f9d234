import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { BlkscopeError, whyUnreadable } from '../errors.js';
import type { Summary } from '../figures/summary-schema.js';
import { oldestSummarySchema, summarySchemaVersion } from '../figures/summary-version.js';
import { asCaller } from '../files/identity.js';
import { callerFinds, readOwned } from '../files/read.js';
import { fitted } from '../options/shape.js';
import type { RunConfig } from '../run/config.js';
import { runFiles } from '../run/run-folder.js';
import type { AttachedRun } from './attached-run.js';
import type { ReadingDatabase } from './open-database.js';
import { refuseVersion } from './schema-version.js';
import {
  type EventColumns,
  eventColumns,
  rowsOf,
  type StoredEvent,
  type StoredIo,
  type StoredPhase,
  type StoredTensor,
  type StoredToken,
} from './stored-rows.js';

/** A finished run: its summary, what it was made with, and its events through SQL. */
export class Run implements AsyncDisposable, Disposable {
  readonly #open: (() => void)[] = [];

  constructor(
    readonly path: string,
    readonly summary: Summary,
    readonly config: RunConfig,
    /** The user whom its config belongs to; null: this process has just made it. */
    readonly madeBy: number | null = null,
  ) {}

  /** Whether the run kept its events; `import --no-store` does not. */
  get hasTrace(): boolean {
    return lstatSync(join(this.path, runFiles.trace), { throwIfNoEntry: false }) !== undefined;
  }

  /**
   * A connection that reads trace.duckdb; its tables are in docs/store.md. Whoever made the run, nothing of his is run: the
   * file's tables alone are read, the views are blkscope's own, and queries reach no other file and load no extension.
   * Throws BlkscopeError: the run has no trace, or another blkscope's schema wrote it.
   */
  async connect(): Promise<DuckDBConnection> {
    const { connection, lock } = await this.connectUnlocked();
    await lock();
    return connection;
  }

  /**
   * The same before queries are kept from files: `lock` does so, but for the folders and files that it is given.
   *
   * @internal
   */
  async connectUnlocked(): Promise<Pick<ReadingDatabase, 'connection'> & { lock: ReadingDatabase['lock'] }> {
    if (!this.hasTrace)
      throw new BlkscopeError('ENOENT', `${this.path} has no ${runFiles.trace}: its events were not kept`);
    // Loaded here, since a report opens runs whose events nobody asks for.
    const { attachRuns } = await import('./attached-run.js');
    const database = await (await import('./open-database.js')).ReadingDatabase.open();
    try {
      const { connection } = database;
      const [attached] = await attachRuns(connection, [this.path]);
      const { relations, release } = attached as AttachedRun;
      this.#open.push(() => {
        database.close();
        release();
      });
      for (const [name, from] of relations)
        await connection.run(`CREATE VIEW ${name} AS SELECT * FROM ${from}`);
      return { connection, lock: (folders, files) => database.lock(folders, files) };
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** The events as rows, in the order they were traced. */
  events(): AsyncGenerator<StoredEvent> {
    return this.#read((connection) => rowsOf(connection, 'event ORDER BY time'));
  }

  /** The events as batches of columns: for what looks at millions. */
  eventColumns(): AsyncGenerator<EventColumns> {
    return this.#read(eventColumns);
  }

  /** The requests, by completion. */
  ios(): AsyncGenerator<StoredIo> {
    return this.#read((connection) => rowsOf(connection, 'io ORDER BY complete'));
  }

  /** The model's tensors in the order of its files, with what was read of each. */
  tensors(): AsyncGenerator<StoredTensor> {
    return this.#read((connection) => rowsOf(connection, 'tensor_coverage'));
  }

  /**
   * Tokens in order, each with the bytes that were read while it was made. Token 0 comes with the prompt's evaluation.
   *
   * @throws BlkscopeError as `connect`.
   * @example
   * for await (const { index, read_bytes } of run.tokens()) console.log(index, read_bytes);
   */
  tokens(): AsyncGenerator<StoredToken> {
    return this.#read((connection) => rowsOf(connection, 'token_bytes'));
  }

  /**
   * The phases of the workload - load, prompt, generation - with their figures; none of a run without a workload that tells.
   *
   * @throws BlkscopeError as `connect`.
   * @example
   * for await (const { name, readBytes } of run.phases()) console.log(name, readBytes);
   */
  phases(): AsyncGenerator<StoredPhase> {
    return this.#read((connection) => rowsOf(connection, 'phase'));
  }

  async *#read<Item>(read: (connection: DuckDBConnection) => AsyncGenerator<Item>): AsyncGenerator<Item> {
    const connection = await this.connect();
    try {
      yield* read(connection);
    } finally {
      connection.closeSync();
    }
  }

  /** Closes all connections and removes what queries have put aside. Does nothing the second time. */
  close(): void {
    for (const close of this.#open.splice(0)) close();
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

/**
 * Opens a run folder. Throws BlkscopeError: no run there, half a run, or one whose schema this blkscope does not read.
 *
 * @example
 * using run = await openRun('runs/one');
 * console.log(run.summary.reads.bytes, run.config.machine.kernel);
 */
export async function openRun(path: string): Promise<Run> {
  const folder = resolve(path);
  requireFolder(folder, path);
  const summary = readObject(folder, runFiles.summary).value;
  refuseVersion(
    join(path, runFiles.summary),
    'summary',
    Number(summary.schema),
    summarySchemaVersion,
    oldestSummarySchema,
  );
  const { value: config, uid } = readObject(folder, runFiles.config);
  return new Run(
    folder,
    await checkedSummary(path, summary),
    await checkedConfig(join(path, runFiles.config), config),
    uid,
  );
}

function requireFolder(folder: string, named: string): void {
  try {
    if (asCaller(() => statSync(folder, { throwIfNoEntry: false })?.isDirectory())) return;
  } catch (cause) {
    const { code = 'EIO' } = cause as NodeJS.ErrnoException;
    const why = whyUnreadable(cause as NodeJS.ErrnoException);
    throw new BlkscopeError(code, `${named}: the run cannot be read: ${why}`, 'usage', { cause });
  }
  throw new BlkscopeError('ENOENT', `${named}: no such run folder`);
}

async function checkedSummary(path: string, summary: Record<string, unknown>): Promise<Summary> {
  const { upgraded } = await import('../figures/older-summary.js');
  const damaged = (what: string) =>
    new BlkscopeError(
      'BAD_SUMMARY',
      `${join(path, runFiles.summary)}: ${what}; the file was changed or is damaged`,
    );
  let current: unknown;
  try {
    current = upgraded(summary);
  } catch {
    throw damaged(`it lacks figures that schema ${summary.schema} has`);
  }
  const { summaryShape } = await import('../figures/summary-shape.js');
  const sound = fitted(summaryShape, current);
  if (sound) return sound as Summary;
  const { summarySchema } = await import('../figures/summary-schema.js');
  // Once: to compile the schema would take longer than to go through it.
  const checked = summarySchema.safeParse(current, { reportInput: true, jitless: true });
  if (checked.success) return checked.data;
  const { complaintOf } = await import('../options/complaint.js');
  throw damaged(complaintOf(checked.error));
}

async function checkedConfig(path: string, config: Record<string, unknown>): Promise<RunConfig> {
  const { configShape } = await import('../run/config-shape.js');
  if (fitted(configShape, config)) return config as unknown as RunConfig;
  const { checkedConfig: checked } = await import('../run/config-schema.js');
  return checked(path, config);
}

/** A run of a million regions has less. */
const mostBytes = 2 ** 30;

function readObject(folder: string, name: string): { value: Record<string, unknown>; uid: number } {
  const { value, uid } = readJson(folder, name);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { value: value as Record<string, unknown>, uid };
  throw new BlkscopeError(
    'BAD_RUN',
    `${join(folder, name)} is no JSON object; the file was changed or is damaged`,
  );
}

/** With the rights of who called sudo: root's must not show him what he may not read. */
function readJson(folder: string, name: string): { value: unknown; uid: number } {
  const path = join(folder, name);
  try {
    const { text, uid } = readOwned(path, mostBytes, { noLink: true });
    return { value: JSON.parse(text), uid };
  } catch (cause) {
    if (cause instanceof BlkscopeError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      const repeats = asCaller(() => readdirSync(folder)).some((entry) =>
        callerFinds(join(folder, entry, runFiles.summary)),
      );
      const hint = repeats ? `; it holds several: name one of them, or use blkscope compare ${folder}` : '';
      throw new BlkscopeError(
        'NOT_A_RUN',
        `${folder} is not a run folder: it has no ${name}${hint}`,
        'usage',
        {
          cause,
        },
      );
    }
    throw new BlkscopeError('BAD_RUN', `${path} cannot be read: ${(cause as Error).message}`, 'usage', {
      cause,
    });
  }
}

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { BlkscopeError } from '../errors.js';
import type { Summary } from '../figures/summary-schema.js';
import { oldestSummarySchema, summarySchemaVersion } from '../figures/summary-version.js';
import type { RunConfig } from '../run/config.js';
import { runFiles } from '../run/run-folder.js';
import { storeError } from '../run/store-error.js';
import { openDatabase } from './open-database.js';
import { storeSchemaVersion } from './schema.js';
import {
  type EventColumns,
  eventColumns,
  rowsOf,
  type StoredEvent,
  type StoredIo,
  type StoredTensor,
} from './stored-rows.js';

/** A finished run: its summary, what it was made with, and its events through SQL. */
export class Run implements AsyncDisposable {
  #instance: DuckDBInstance | null = null;

  constructor(
    readonly path: string,
    readonly summary: Summary,
    readonly config: RunConfig,
  ) {}

  /** Whether the run kept its events; `import --no-store` does not. */
  get hasTrace(): boolean {
    return existsSync(join(this.path, runFiles.trace));
  }

  /**
   * A read-only connection to trace.duckdb; its tables are in docs/store.md.
   * Throws BlkscopeError: the run has no trace, or another blkscope's schema wrote it.
   */
  async connect(): Promise<DuckDBConnection> {
    const path = join(this.path, runFiles.trace);
    if (!existsSync(path))
      throw new BlkscopeError('ENOENT', `${this.path} has no ${runFiles.trace}: its events were not kept`);
    const connection = await this.#open(path);
    const version = (await connection.runAndReadAll('SELECT schema_version FROM run')).getRows()[0]?.[0];
    refuseVersion(path, 'store', Number(version), storeSchemaVersion);
    return connection;
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

  async *#read<Item>(read: (connection: DuckDBConnection) => AsyncGenerator<Item>): AsyncGenerator<Item> {
    const connection = await this.connect();
    try {
      yield* read(connection);
    } finally {
      connection.closeSync();
    }
  }

  async #open(path: string): Promise<DuckDBConnection> {
    try {
      this.#instance ??= await openDatabase(path, { access_mode: 'READ_ONLY' });
      return await this.#instance.connect();
    } catch (error) {
      throw storeError(error, `read ${path}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#instance?.closeSync();
    this.#instance = null;
  }
}

/**
 * Opens a run folder. Throws BlkscopeError: no run there, half a run, or one whose schema this blkscope does not read.
 */
export async function openRun(path: string): Promise<Run> {
  const folder = resolve(path);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new BlkscopeError('ENOENT', `${path}: no such run folder`);
  }
  const summary = readJson(folder, runFiles.summary) as Record<string, unknown>;
  refuseVersion(
    join(path, runFiles.summary),
    'summary',
    Number(summary.schema),
    summarySchemaVersion,
    oldestSummarySchema,
  );
  return new Run(folder, await checkedSummary(path, summary), readJson(folder, runFiles.config) as RunConfig);
}

async function checkedSummary(path: string, summary: Record<string, unknown>): Promise<Summary> {
  const { upgraded } = await import('../figures/older-summary.js');
  const { summarySchema } = await import('../figures/summary-schema.js');
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
  const checked = summarySchema.safeParse(current);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw damaged(`${issue?.path.join('.')}: ${issue?.message}`);
}

function readJson(folder: string, name: string): unknown {
  const path = join(folder, name);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new BlkscopeError('NOT_A_RUN', `${folder} is not a run folder: it has no ${name}`, 'usage', {
        cause,
      });
    }
    throw new BlkscopeError('BAD_RUN', `${path} cannot be read: ${(cause as Error).message}`, 'usage', {
      cause,
    });
  }
}

function refuseVersion(path: string, what: string, found: number, known: number, oldest = known): void {
  if (found >= oldest && found <= known) return;
  if (!Number.isInteger(found) || found < 1) {
    throw new BlkscopeError(
      'BAD_SCHEMA',
      `${path}: it names no ${what} schema; it was changed or is damaged`,
    );
  }
  const way =
    found > known
      ? 'a newer blkscope wrote it: update blkscope'
      : 'an older blkscope wrote it: read or export it with that one, or make the run anew';
  throw new BlkscopeError(
    'SCHEMA_VERSION',
    `${path}: ${what} schema ${found}, this blkscope reads ${known}; ${way}`,
  );
}

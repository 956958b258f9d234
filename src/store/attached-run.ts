import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { BlkscopeError } from '../errors.js';
import { openToRead } from '../files/read.js';
import { notSeen } from '../native/trace.js';
import { runFiles } from '../run/run-folder.js';
import { storeError } from '../run/store-error.js';
import { withSources } from './named-relations.js';
import { withinTime } from './open-database.js';
import { storedTables, storeSchemaVersion } from './schema.js';
import { refuseVersion } from './schema-version.js';
import { quoted } from './sql-text.js';
import { viewList } from './views.js';

/** Where the tables of the one run, or the first, have `rowid`. */
export const storedSchema = 'stored0';
/** The database that this run is. */
export const runAlias = 'trace0';

/** Tables whose order of rows tells something. */
const ordered: readonly string[] = ['event_row', 'device', 'tensor', 'touch'];

/** Of what is asked before a file is trusted. */
const checkMs = 10_000;

/** A run's trace.duckdb among a database's others, read only. */
export interface AttachedRun {
  /** By name: the FROM clause that gives the rows. Views that this trace's tables do not have the columns for are left out. */
  relations: Map<string, string>;
  /** The trace's own tables with `rowid`, the order of their rows, for those where it tells something. */
  schema: string;
  /** To be called when the database is closed. */
  release(): void;
}

/**
 * Attaches the traces of runs that may be anybody's: of what is in a file its tables alone are read, and the views are made
 * anew from our own text. `named`: of these relations alone, null: of all. Throws BlkscopeError: no regular file, no store,
 * another schema.
 */
export async function attachRuns(
  connection: DuckDBConnection,
  folders: readonly string[],
  named: ReadonlySet<string> | null = null,
): Promise<AttachedRun[]> {
  const traces = folders.map((folder, i): OpenTrace => {
    return { path: join(folder, runFiles.trace), alias: `trace${i}`, schema: `stored${i}`, fd: -1 };
  });
  const wanted = named && withSources(named);
  try {
    for (const trace of traces) {
      trace.fd = openTrace(trace.path);
      await attach(connection, trace);
    }
    const catalogue = await readCatalogue(connection, wanted?.has('io_row') ?? true);
    const attached: AttachedRun[] = [];
    for (const trace of traces) attached.push(await relationsOf(connection, trace, catalogue, wanted));
    return attached;
  } catch (error) {
    for (const { fd } of traces) if (fd >= 0) closeSync(fd);
    throw error;
  }
}

interface OpenTrace {
  path: string;
  /** The database that it is. */
  alias: string;
  /** Where its views are made anew. */
  schema: string;
  fd: number;
}

async function relationsOf(
  connection: DuckDBConnection,
  trace: OpenTrace,
  catalogue: Catalogue,
  wanted: ReadonlySet<string> | null,
): Promise<AttachedRun> {
  const { path, alias, schema, fd } = trace;
  try {
    const tables = catalogue.tables.get(alias) ?? new Set();
    if (!tables.has('run')) throw noStore(path);
    const version = await withinTime(connection, checkMs, `read ${path}`, () =>
      connection.runAndReadAll(`SELECT schema_version FROM ${alias}.main.run LIMIT 1`),
    );
    refuseVersion(path, 'store', Number(version.getRows()[0]?.[0]), storeSchemaVersion);
    const views = await makeViews(connection, trace, tables, wanted, catalogue.unseenIsZero.has(alias));
    const relations = new Map([
      ...[...tables].map(
        (name) => [name, `${name === 'io_row' ? schema : `${alias}.main`}.${name}`] as const,
      ),
      ...views.map((name) => [name, `${schema}.${name}`] as const),
    ]);
    return { relations, schema, release: () => closeSync(fd) };
  } catch (error) {
    throw storeError(error, `read ${path}`);
  }
}

function openTrace(path: string): number {
  try {
    return openToRead(path, { noLink: true });
  } catch (error) {
    throw storeError(error, `read ${path}`);
  }
}

async function attach(connection: DuckDBConnection, { path, alias, fd }: OpenTrace): Promise<void> {
  try {
    await connection.run(`ATTACH ${quoted(`/proc/self/fd/${fd}`)} AS ${alias} (TYPE duckdb, READ_ONLY)`);
  } catch (error) {
    throw storeError(error, `read ${path}`);
  }
}

/** What is in the databases that are attached, each by its alias. */
interface Catalogue {
  tables: Map<string, Set<string>>;
  /** Those whose traces have 0 for a time that was not seen. */
  unseenIsZero: Set<string>;
}

/**
 * Which runs nothing of the files'. Asked once for all: each time the database goes through all that it has attached. `withTimes`: the
 * times of I/Os are wanted.
 */
async function readCatalogue(connection: DuckDBConnection, withTimes: boolean): Promise<Catalogue> {
  const found = await connection.runAndReadAll(
    `SELECT database_name, table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT temporary`,
  );
  const tables = new Map<string, Set<string>>();
  for (const [alias, name] of found.getRows().map((row) => row.map(String) as [string, string])) {
    if (!(name in storedTables)) continue;
    const names = tables.get(alias) ?? new Set();
    tables.set(alias, names.add(name));
  }
  return { tables, unseenIsZero: withTimes ? await zerosUnseen(connection) : new Set() };
}

/** Times of `io_row` as they are stored now, from a trace in which 0 was no time. */
const seenTimes = ['queue', 'getrq', 'insert', 'issue', 'complete'].map((name): [string, string] => [
  name,
  `CASE WHEN "${name}" = 0 THEN ${notSeen}::UBIGINT ELSE "${name}" END`,
]);
const replacedTimes = seenTimes.map(([name, time]) => `${time} AS "${name}"`).join(', ');
/** The same as what an UPDATE sets. */
export const unseenZeros = seenTimes.map(([name, time]) => `"${name}" = ${time}`).join(', ');

/**
 * The databases whose times of 0 were not seen. By the text of a trace's own view, which is looked at and not run: it tells
 * when the trace was written.
 */
export async function zerosUnseen(connection: DuckDBConnection): Promise<Set<string>> {
  const found = await connection.runAndReadAll(
    "SELECT database_name, sql FROM duckdb_views() WHERE schema_name = 'main' AND view_name = 'io'",
  );
  const old = found.getRows().filter(([, sql]) => /nullif\(queue, 0\)/i.test(String(sql)));
  return new Set(old.map(([name]) => String(name)));
}

/** Returns the names of those that could be made. */
async function makeViews(
  connection: DuckDBConnection,
  { alias, schema }: OpenTrace,
  tables: ReadonlySet<string>,
  wanted: ReadonlySet<string> | null,
  zeros: boolean,
): Promise<string[]> {
  const isWanted = (name: string) => wanted === null || wanted.has(name);
  await connection.run(`CREATE SCHEMA ${schema}; SET schema = ${quoted(schema)}`);
  for (const name of [...tables].filter(isWanted)) {
    const row = ordered.includes(name) ? 'rowid, ' : '';
    const times = name === 'io_row' && zeros ? ` REPLACE (${replacedTimes})` : '';
    await connection.run(`CREATE VIEW ${name} AS SELECT ${row}*${times} FROM ${alias}.main.${name}`);
  }
  const made: string[] = [];
  for (const [name, { sql }] of Object.entries(viewList)) {
    if (!isWanted(name)) continue;
    try {
      await connection.run(`CREATE VIEW ${name} AS${sql}`);
      made.push(name);
    } catch {
      // The run is older than what the view is made from.
    }
  }
  await connection.run(`SET schema = 'main'`);
  return made;
}

function noStore(path: string): BlkscopeError {
  return new BlkscopeError(
    'BAD_SCHEMA',
    `${path}: it has no table of the run; it was changed, is damaged, or another program wrote it`,
  );
}

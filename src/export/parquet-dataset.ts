import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { BlkscopeError } from '../errors.js';
import { identityAt } from '../files/identity.js';
import { removeEmptyFolders } from '../files/write.js';
import { storeError } from '../run/store-error.js';
import { writeBeside } from '../run/whole-file.js';
import type { Run } from '../store/open-run.js';
import { type Table, tables } from '../store/schema.js';
import { quoted } from '../store/sql-text.js';
import { orderedRows } from './ordered-rows.js';

/** A group is held in memory until it is whole; a quarter of a million rows cost no more space than a million. */
const rowGroupRows = 262_144;

/** Parquet's unsigned types are unknown to Hive's heirs: each becomes the signed type that holds all its values. */
const signedTypes: Record<string, string> = {
  // Nanoseconds since boot and sectors stay far below 2^63.
  UBIGINT: 'BIGINT',
  UINTEGER: 'BIGINT',
  USMALLINT: 'INTEGER',
  JSON: 'VARCHAR',
};

/** Names in the path, which give every row these columns: pyarrow refuses a file that has one of them as well. */
const partitionKeys: readonly string[] = ['run', 'host'];

/**
 * Adds a run to a dataset: FOLDER/TABLE/run=NAME/host=HOST/TABLE.parquet.
 *
 * All files are written under hidden names first and then named, the `run` table's last: a run whose row is there is
 * whole. No file of another run or host is touched. Throws BlkscopeError: the run is there already, or the disk is full.
 */
export async function addToDataset(
  run: Run,
  { connection, lock }: Awaited<ReturnType<Run['connectUnlocked']>>,
  folder: string,
): Promise<void> {
  const place = (table: Table) => join(folder, table, ...partitions(run), `${table}.parquet`);
  if (existsSync(place('run'))) {
    throw new BlkscopeError(
      'EEXIST',
      `${folder} holds this run already, in ${place('run')}; remove it first`,
    );
  }
  const outside = resolve(folder, existsSync(folder) ? '.' : '..');
  // The run's own row comes last.
  const held = await heldTables(connection);
  const ordered = [...held.filter((table) => table !== 'run'), 'run' as const];
  try {
    await writeBeside(join(folder, basename(run.path)), async (partial) => {
      await lock([partial.path]);
      for (const table of ordered) await writeTable(connection, table, partial.file(`${table}.parquet`));
      // An earlier attempt that was cut short may have named some of its files.
      for (const table of ordered)
        partial.moveOut(`${table}.parquet`, resolve(place(table)), { replace: table !== 'run' });
    });
  } catch (error) {
    const identity = identityAt(folder);
    for (const table of tables) removeEmptyFolders(resolve(dirname(place(table))), outside, identity);
    removeEmptyFolders(resolve(folder), outside, identity);
    throw storeError(error, `write ${folder}`);
  }
}

/** A run may be older than a table. */
async function heldTables(connection: DuckDBConnection): Promise<Table[]> {
  const found = await connection.runAndReadAll(
    `SELECT table_name FROM information_schema.tables WHERE table_catalog = 'memory' AND table_schema = 'main'`,
  );
  const names = new Set(found.getRows().map(([name]) => String(name)));
  return tables.filter((table) => names.has(table));
}

/** Hive's form: `=`, `/` and the like in a value are percent-encoded. */
function partitions(run: Run): string[] {
  const host = run.config.machine?.host ?? 'unknown';
  const values = [basename(run.path), host];
  return partitionKeys.map((key, i) => `${key}=${encodeURIComponent(values[i] as string)}`);
}

async function writeTable(connection: DuckDBConnection, table: Table, path: string): Promise<void> {
  const rows = await orderedRows(connection, table);
  const described = await connection.runAndReadAll(
    `SELECT column_name, column_type FROM (DESCRIBE FROM ${rows})`,
  );
  const columns = described
    .getRows()
    .filter(([name]) => !partitionKeys.includes(String(name)))
    .map(([name, type]) => {
      const target = String(type).startsWith('ENUM') ? 'VARCHAR' : signedTypes[String(type)];
      return target ? `"${name}"::${target} AS "${name}"` : `"${name}"`;
    });
  await connection.run(
    `COPY (SELECT ${columns.join(', ')} FROM ${rows}) TO ${quoted(path)}
     (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupRows})`,
  );
}

import type { DuckDBConnection } from '@duckdb/node-api';
import { runAlias, storedSchema, unseenZeros, zerosUnseen } from './attached-run.js';
import { noExtensions } from './open-database.js';
import { quoted } from './sql-text.js';
import { viewList } from './views.js';

/**
 * Gives a copy of a run's trace the views of this version, where it was stored with others: a view of an older version may have a
 * fault that was mended since. `run`: a connection to the run, see Run.connect. Throws what the database throws.
 */
export async function renewViews(run: DuckDBConnection, copy: string): Promise<void> {
  if (await asStored(run)) return;
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(copy, {
    ...noExtensions,
    threads: '1',
    memory_limit: '256MB',
  });
  const connection = await instance.connect();
  try {
    // What the file of somebody else's names in the place of a table must not be looked for.
    await connection.run('SET enable_external_access = false; SET lock_configuration = true');
    const [[name] = []] = (await connection.runAndReadAll('SELECT current_database()')).getRows();
    if ((await zerosUnseen(connection)).has(String(name)))
      await connection.run(`UPDATE io_row SET ${unseenZeros}`);
    for (const [view, { sql }] of Object.entries(viewList)) {
      try {
        await connection.run(`CREATE OR REPLACE VIEW ${view} AS${sql}`);
      } catch {
        // The run is older than what the view is made from.
      }
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Whether the views that were stored are those that are made now. */
async function asStored(run: DuckDBConnection): Promise<boolean> {
  const textsOf = async (database: string, schema: string) => {
    const found = await run.runAndReadAll(
      `SELECT view_name, regexp_replace(sql, '^CREATE VIEW [^ ]+ AS ', '') FROM duckdb_views()
       WHERE database_name = ${quoted(database)} AND schema_name = ${quoted(schema)} AND NOT internal`,
    );
    // What is read back has other parentheses, spaces and quotes than what was just made.
    const plain = (text: string) => text.replaceAll(/[()\s"]+/g, '');
    return new Map(found.getRows().map(([name, text]) => [String(name), plain(String(text))]));
  };
  const [stored, made] = [await textsOf(runAlias, 'main'), await textsOf('memory', storedSchema)];
  return Object.keys(viewList).every((name) => stored.get(name) === made.get(name));
}

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { namedRelations, withSources } from '../../../src/store/named-relations.js';
import { askRuns, openRuns } from '../../../src/store/open-runs.js';
import { rowTables, tables } from '../../../src/store/schema.js';
import { views } from '../../../src/store/views.js';
import { writeStoredRun } from './stored-run.js';

let folder: string;
let paths: string[];
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-asked-'));
  paths = [join(folder, 'one'), join(folder, 'two')];
  for (const path of paths) await writeStoredRun(path, [{ time: 1000, sector: 1000, sectors: 8 }], 8);
});
after(() => rmSync(folder, { recursive: true }));

test('a query names its tables and views, whatever their case; one that may show others names none', () => {
  assert.deepEqual(namedRelations('SELECT count(*) FROM "IO" JOIN token'), new Set(['io', 'token']));
  for (const sql of ['SHOW TABLES', 'DESCRIBE io', 'FROM duckdb_views()', 'WITH a AS (DESCRIBE io) FROM a'])
    assert.equal(namedRelations(sql), null, sql);
});

test('a view comes with all that it is made of', () => {
  assert.ok(withSources(new Set(['reread'])).has('event_row'));
  assert.deepEqual(withSources(new Set(['token'])), new Set(['token']));
});

test('every relation answers alone as it does among all', async () => {
  using all = await openRuns(paths);
  for (const name of [...tables, ...rowTables, ...views]) {
    const sql = `SELECT * FROM ${name} ORDER BY ALL`;
    const { runs, result } = await askRuns(paths, sql);
    using _ = runs;
    assert.equal(runs.paths.length, 2);
    const expected = await all.query(sql);
    assert.deepEqual(await result.getRowsJson(), await expected.getRowsJson(), name);
    assert.deepEqual(result.columnNames(), expected.columnNames(), name);
  }
});

test('a name that the query makes up is found, and a wrong one is refused with what was meant', async () => {
  const { runs, result } = await askRuns(paths, "SELECT count(*) FROM query_table('toke' || 'n')");
  using _ = runs;
  assert.equal((await result.getRows()).length, 1);
  using all = await openRuns(paths);
  for (const sql of ['FROM tokn', 'SELECT nothing FROM io', 'FROM io WHERE', 'SELECT 1; SELECT 2']) {
    const expected = await all.query(sql).then(
      () => assert.fail(sql),
      ({ code, message }) => ({ code, message }),
    );
    await assert.rejects(askRuns(paths, sql), expected);
  }
});

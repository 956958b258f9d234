// A run of somebody else's: whatever his database holds, nothing of it is run, and nothing but it is read.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { exportRun } from '../../../src/export/export-run.js';
import { openRun } from '../../../src/store/open-run.js';
import { openRuns } from '../../../src/store/open-runs.js';
import { writeStoredRun } from './stored-run.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-hostile-'));
const secret = join(folder, 'secret');
before(() => writeFileSync(secret, 'of root alone'));
after(() => rmSync(folder, { recursive: true }));

let made = 0;
/** A run whose database was changed with this SQL. */
async function hostile(sql: string): Promise<string> {
  const path = join(folder, `run-${made++}`);
  await writeStoredRun(path, [{ time: 1000, sector: 8, sectors: 8 }], 8);
  const instance = await DuckDBInstance.create(join(path, 'trace.duckdb'));
  const connection = await instance.connect();
  await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
  return path;
}

const endless = 'SELECT 2::UINTEGER AS schema_version FROM range(100_000_000_000) a, range(10_000_000) b';

test('a view in the place of the run table is not asked', async () => {
  const path = await hostile(`DROP TABLE run; CREATE VIEW run AS ${endless}`);
  await using run = await openRun(path);
  await assert.rejects(run.connect(), { name: 'BlkscopeError', code: 'BAD_SCHEMA' });
  await assert.rejects(openRuns([path]), { name: 'BlkscopeError', code: 'BAD_SCHEMA' });
});

test("views and macros of the file's own are not used", async () => {
  const path = await hostile(
    `DROP VIEW event; CREATE VIEW event AS SELECT content FROM read_text('${secret}');
     DROP VIEW completed; CREATE VIEW completed AS ${endless};
     CREATE MACRO sum(x) AS 42; CREATE MACRO count() AS 42`,
  );
  await using runs = await openRuns([path]);
  const ask = async (sql: string) => (await (await runs.query(sql)).getRows()).flat();
  assert.deepEqual(await ask('SELECT DISTINCT sector FROM event'), [8n]);
  assert.deepEqual(await ask('SELECT count(*) FROM completed'), [1n]);
  assert.deepEqual(await ask('SELECT sum(sectors)::INTEGER FROM event_row'), [16]);
  await using run = await openRun(path);
  const rows = [];
  for await (const event of run.events()) rows.push(event.sector);
  assert.deepEqual(rows, [8n, 8n]);
});

test('a query reads the runs and nothing else', async () => {
  const path = await hostile('SELECT 1');
  await using runs = await openRuns([path]);
  const outside = join(folder, 'outside');
  for (const sql of [
    `COPY (SELECT 1) TO '${outside}'`,
    `ATTACH '${outside}' AS outside`,
    `EXPORT DATABASE '${outside}'`,
    'INSTALL httpfs',
    'LOAD httpfs',
    `SELECT * FROM read_csv('${secret}')`,
    `SELECT content FROM read_text('${secret}')`,
    `FROM glob('${folder}/*')`,
    `SET memory_limit = '10GB'`,
    'SET enable_external_access = true',
    'DELETE FROM trace0.event_row',
  ]) {
    await assert.rejects(
      runs.query(sql),
      { name: 'BlkscopeError', code: 'READS_ONLY', message: /--unsafe/ },
      sql,
    );
  }
  assert.ok(!existsSync(outside));
  await using free = await openRuns([path], { unsafe: true });
  await free.query(`COPY (SELECT DISTINCT sector FROM event) TO '${outside}' (HEADER false)`);
  assert.equal(readFileSync(outside, 'utf8'), '8\n');
});

test('a query that takes too long is ended', async () => {
  await using runs = await openRuns([await hostile('SELECT 1')], { timeLimitMs: 300 });
  const began = performance.now();
  await assert.rejects(runs.query('SELECT count(*) FROM range(1_000_000_000_000)'), { code: 'TIME_LIMIT' });
  assert.ok(performance.now() - began < 3_000);
});

test('what does not fit into memory goes to a folder that nobody can foresee, and nothing of it is left', async () => {
  const place = join(folder, 'tmp');
  mkdirSync(place);
  process.env.TMPDIR = place;
  try {
    await using runs = await openRuns([await hostile('SELECT 1')], { unsafe: true });
    const [scratch, ...others] = readdirSync(place);
    assert.match(scratch as string, /^\.blkscope-query\.[0-9a-f]{16}\.partial$/);
    assert.deepEqual(others, []);
    assert.equal(statSync(join(place, scratch as string)).mode & 0o077, 0);
    renameSync(join(place, scratch as string), join(place, 'away'));
    symlinkSync(folder, join(place, scratch as string));
    const before = readdirSync(folder).sort();
    await runs.query(`SET memory_limit = '40MB'`);
    const sorted = await runs.query(
      'SELECT md5(range::VARCHAR) AS m FROM range(2_000_000) ORDER BY m OFFSET 1_999_999',
    );
    assert.equal((await sorted.getRows()).length, 1);
    assert.deepEqual(readdirSync(folder).sort(), before);
  } finally {
    delete process.env.TMPDIR;
  }
});

test('a link, or no regular file, in the place of a file of the run is refused', async () => {
  const path = await hostile('SELECT 1');
  const other = await hostile('SELECT 1');
  rmSync(join(path, 'trace.duckdb'));
  symlinkSync(join(other, 'trace.duckdb'), join(path, 'trace.duckdb'));
  await using run = await openRun(path);
  await assert.rejects(run.connect(), { name: 'BlkscopeError', message: /a link/ });
  for (const format of ['csv', 'duckdb'] as const) {
    await assert.rejects(exportRun(run, { format, output: join(folder, 'copy') }), { name: 'BlkscopeError' });
  }
  assert.ok(!existsSync(join(folder, 'copy')));
  rmSync(join(path, 'summary.json'));
  symlinkSync(join(other, 'summary.json'), join(path, 'summary.json'));
  await assert.rejects(openRun(path), { name: 'BlkscopeError' });
});

test('a summary or a config of the wrong shape is told in one line', async () => {
  const path = await hostile('SELECT 1');
  const right = {
    summary: readFileSync(join(path, 'summary.json')),
    config: readFileSync(join(path, 'config.json')),
  };
  for (const name of ['summary', 'config'] as const) {
    for (const text of [
      'null',
      '[]',
      '3',
      '"text"',
      '{}',
      '',
      '{"schema":2,"kind":7}',
      '{"machine":[],"kind":"run"}',
    ]) {
      writeFileSync(join(path, `${name}.json`), text);
      const told = { name: 'BlkscopeError', message: new RegExp(`${name}\\.json[^\n]*$`) };
      if (text !== '{}' || name === 'summary') await assert.rejects(openRun(path), told, `${name}: ${text}`);
    }
    writeFileSync(join(path, `${name}.json`), right[name]);
  }
});

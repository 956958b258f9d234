import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { askRuns, openRuns } from '../../../src/store/open-runs.js';
import { writeStoredRun } from './stored-run.js';

/** More than the database is left to plan the joins of. */
const runs = 103;
let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-many-'));
  const first = join(folder, 'r1000');
  await writeStoredRun(first, [{ time: 1000, sector: 1000, sectors: 8 }], 8);
  for (let i = 1; i < runs; i++) cpSync(first, join(folder, `r${1000 + i}`), { recursive: true });
});
after(() => rmSync(folder, { recursive: true }));

const ofEach = 'SELECT run, count(*)::INTEGER AS reads FROM io GROUP BY run ORDER BY run';
const expected = Array.from({ length: runs }, (_, i) => [`r${1000 + i}`, 1]);

test('many runs answer as few do: tables, views, and views of views', async () => {
  const asked = await askRuns([join(folder, '*')], ofEach);
  using _ = asked.runs;
  assert.deepEqual(await asked.result.getRows(), expected);
  for (const [sql, rows] of [
    ['SELECT count(*)::INTEGER, count(DISTINCT run)::INTEGER FROM run', [[runs, runs]]],
    ['SELECT count(DISTINCT run)::INTEGER, sum(reads)::INTEGER FROM bandwidth', [[runs, runs]]],
    ['SELECT count(*)::INTEGER FROM io JOIN event_row USING (run)', [[2 * runs]]],
  ] as const) {
    const { runs: set, result } = await askRuns([join(folder, '*')], sql);
    using __ = set;
    assert.deepEqual(await result.getRows(), rows, sql);
  }
});

test('a set of many runs answers one query after the other, and a wrong one as ever', async () => {
  using set = await openRuns([join(folder, '*')]);
  assert.deepEqual(await (await set.query(ofEach)).getRows(), expected);
  assert.deepEqual(await (await set.query(ofEach)).getRows(), expected);
  assert.equal((await (await set.query('FROM token')).getRows()).length, 2 * runs);
  await assert.rejects(set.query('FROM tokn'), { code: 'QUERY', message: /tokn does not exist/ });
});

test('copying the rows of many runs ends with the time that a query may take', async () => {
  await assert.rejects(askRuns([join(folder, '*')], ofEach, { timeLimitMs: 1 }), {
    code: 'TIME_LIMIT',
    message: /io of 103 runs/,
  });
});

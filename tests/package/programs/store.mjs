// A user's program: a run's events in SQL and as rows; it ends by itself.
import assert from 'node:assert/strict';
import { openRun, openRuns } from 'blkscope/store';

const [path] = process.argv.slice(2);
const run = await openRun(path);
const connection = await run.connect();
const [[events]] = (await connection.runAndReadAll('SELECT count() FROM event')).getRows();
assert.equal(Number(events), run.summary.integrity.eventsRead);
let seen = 0;
for await (const { action } of run.events()) seen += typeof action === 'string' ? 1 : 0;
assert.equal(seen, Number(events));
run.close();

const runs = await openRuns([path]);
const result = await runs.query('SELECT run, count() AS n FROM io GROUP BY run');
assert.equal((await result.getRowObjectsJson()).length, 1);
runs.close();

// A user's program: a run's events in SQL.
import assert from 'node:assert/strict';
import { openRun } from 'blkscope/store';

const run = await openRun(process.argv[2]);
const connection = await run.connect();
const [[events]] = (await connection.runAndReadAll('SELECT count() FROM event')).getRows();
assert.equal(Number(events), run.summary.integrity.eventsRead);
assert.ok(run.summary.reads.bytes > 0);
process.exit();

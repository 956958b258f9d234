// A user's program: a saved trace becomes a run.
import assert from 'node:assert/strict';
import { importTrace, renderReport, version } from 'blkscope';

const [trace, output] = process.argv.slice(2);
const { run } = await importTrace({ paths: [trace], output });
assert.ok(run.summary.integrity.eventsRead > 0);
assert.match(renderReport(run.summary), /read/);
assert.match(version, /^\d+\.\d+\.\d+/);

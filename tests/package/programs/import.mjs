// A user's program: a saved trace becomes a run; phases and tokens of one without a workload are none.
import assert from 'node:assert/strict';
import { BlkscopeError, importTrace, renderReport, version } from 'blkscope';
import { BlkscopeError as ofCapture } from 'blkscope/capture';

const [trace, output] = process.argv.slice(2);
const { run } = await importTrace({ paths: [trace], output });
assert.ok(run.summary.integrity.eventsRead > 0);
assert.match(renderReport(run.summary), /read/);
for await (const phase of run.phases()) assert.fail(`${phase.name}: nobody told of phases`);
for await (const token of run.tokens()) assert.fail(`${token.index}: nobody told of tokens`);
run.close();
run.close();
assert.match(version, /^\d+\.\d+\.\d+/);
await assert.rejects(importTrace({ paths: [trace], ouput: 'elsewhere' }), {
  code: 'BAD_ARGUMENT',
  message: /ouput: no such key/,
});
assert.equal(BlkscopeError, ofCapture, 'one class of errors, whichever entry it comes from');

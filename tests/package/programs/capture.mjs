// A user's program: what cannot be traced is told by code.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { BlkscopeError, Tracer } from 'blkscope/capture';

assert.throws(
  () => Tracer.start({ devices: ['no-such-disk'] }),
  (error) => error instanceof BlkscopeError && error.exitCode > 1 && !error.message.includes('\n'),
);
assert.ok(!readFileSync('/proc/self/maps', 'utf8').includes('duckdb'), 'DuckDB is not loaded');

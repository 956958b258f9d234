import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlkscopeError } from '../../../src/errors.js';
import { asDamagedStore } from '../../../src/store/damaged-store.js';

test('what DuckDB says of a damaged database is one line of ours; other errors stay what they are', () => {
  const told = asDamagedStore(
    new Error(
      'IO Error: Corrupt database file: computed checksum 115 does not match stored checksum 167 in block at location 2633728\n\nmore',
    ),
  );
  assert.ok(told instanceof BlkscopeError);
  assert.deepEqual([told.code, told.exitCode], ['BAD_SCHEMA', 2]);
  assert.match(told.message, /^a run's trace\.duckdb was changed or is damaged; [^\n]*checksum 167[^\n]*$/);
  for (const error of [
    new Error('Binder Error: no such column'),
    new TypeError('x is not a function'),
    'text',
  ])
    assert.equal(asDamagedStore(error), error);
});

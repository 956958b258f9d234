// A user's program: options are checked before the kernel is asked for anything, and what cannot be traced is told by code.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { actionNames, BlkscopeError, directionNames, errorCodes, Tracer } from 'blkscope/capture';

function refused(options) {
  try {
    Tracer.start(options);
  } catch (error) {
    assert.ok(error instanceof BlkscopeError, `${error}`);
    assert.ok(error.exitCode > 1 && !error.message.includes('\n'), error.message);
    return error;
  }
  return assert.fail('it was not refused');
}

refused({ devices: ['no-such-disk'] });
const { code, message } = refused({ devices: ['/dev/no-such-disk'], spoolByte: '1G' });
assert.equal(code, 'BAD_ARGUMENT');
assert.match(message, /spoolByte: no such key/);
assert.match(refused({ devices: ['sda'], spoolBytes: '1Q' }).message, /'1Q' is not a size/);
assert.ok(code in errorCodes);
assert.ok(actionNames.includes('complete') && directionNames.includes('read'));
assert.ok(!readFileSync('/proc/self/maps', 'utf8').includes('duckdb'), 'DuckDB is not loaded');

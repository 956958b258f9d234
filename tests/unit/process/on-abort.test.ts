import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onAbort } from '../../../src/process/on-abort.js';

test('an abort is heard once, whenever it came, and not after the hearing was called off', () => {
  let heard = 0;
  const early = new AbortController();
  onAbort(early.signal, () => heard++);
  early.abort();
  assert.equal(heard, 1);
  onAbort(early.signal, () => heard++);
  assert.equal(heard, 2, 'it had aborted before');
  const late = new AbortController();
  onAbort(late.signal, () => heard++)[Symbol.dispose]();
  late.abort();
  onAbort(undefined, () => heard++);
  assert.equal(heard, 2);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack, unpack } from '../../../src/page/codec.js';

test('what is packed comes back, columns of numbers too', () => {
  const value = {
    text: 'a </script> & "b"',
    list: [1.5, null, true],
    ascending: Uint32Array.of(0, 1, 70_000, 4_294_967_295),
    any: Uint32Array.of(4_294_967_295, 0, 65_536, 7),
    empty: new Uint32Array(0),
  };
  const { json, bytes } = pack(value);
  assert.deepEqual(unpack(json, bytes), value);
  assert.equal(bytes.length, 32);
});

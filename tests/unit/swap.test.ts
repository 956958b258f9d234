import assert from 'node:assert/strict';
import { test } from 'node:test';
import { swapAreas } from '../../src/memory/swap.js';

test('swap on a disk and in compressed memory are told apart', () => {
  const text = [
    'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority',
    '/dev/sda2                               partition\t1024\t\t0\t\t-2',
    '/dev/zram0                              partition\t2048\t\t0\t\t100',
    '',
  ].join('\n');
  assert.deepEqual(swapAreas(text), [
    { path: '/dev/sda2', bytes: 2 ** 20, zram: false },
    { path: '/dev/zram0', bytes: 2 ** 21, zram: true },
  ]);
  assert.deepEqual(swapAreas(''), []);
});

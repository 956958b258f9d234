import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { swapAreas, zramTraffic } from '../../../src/memory/swap.js';

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

test('the traffic of compressed memory is that of all its devices, and of no other', () => {
  const sysBlock = mkdtempSync(join(tmpdir(), 'blkscope-'));
  try {
    assert.equal(zramTraffic(sysBlock), null);
    for (const [name, stat] of [
      ['zram0', '   3 0 24 1 5 0 40 2 0 1 3'],
      ['zram1', '   1 0 8 1 1 0 8 2 0 1 3'],
      ['sda', '   9 0 999 1 9 0 999 2 0 1 3'],
    ] as const) {
      mkdirSync(join(sysBlock, name));
      writeFileSync(join(sysBlock, name, 'stat'), stat);
    }
    assert.deepEqual(zramTraffic(sysBlock), { readBytes: 32 * 512, writtenBytes: 48 * 512 });
  } finally {
    rmSync(sysBlock, { recursive: true });
  }
});

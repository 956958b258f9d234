import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SectorSet } from '../../../src/index.js';

function setOf(...ranges: [number, number][]): SectorSet {
  const set = new SectorSet();
  for (const [start, count] of ranges) set.insert(BigInt(start), count);
  return set;
}

const rangesOf = (set: SectorSet) => [...set].map(({ start, count }) => [Number(start), Number(count)]);

test('the union of ranges counts every sector once', () => {
  const set = setOf([1000, 8], [1000, 8], [1004, 8], [2000, 16], [3000, 8]);
  assert.equal(set.size, 36n);
  assert.deepEqual(rangesOf(set), [
    [1000, 12],
    [2000, 16],
    [3000, 8],
  ]);
  assert.equal(set.intersect(1004n, 1000n), 12n);
  assert.equal(set.intersect(1012n, 988n), 0n);
  assert.ok(set.complete);
  assert.ok(set.memoryBytes > 0);
});

test('union and difference are sets of their own', () => {
  const first = setOf([0, 100], [200, 10]);
  const second = setOf([50, 20], [205, 100]);
  assert.deepEqual(rangesOf(first.difference(second)), [
    [0, 50],
    [70, 30],
    [200, 5],
  ]);
  assert.deepEqual(rangesOf(first.union(second)), [
    [0, 100],
    [200, 105],
  ]);
  assert.equal(first.size, 110n);
  first.clear();
  assert.equal(first.size, 0n);
});

test('columns are inserted as single ranges are, at any sector', () => {
  const set = new SectorSet();
  set.insertMany(BigUint64Array.of(2n ** 40n, 7n, 2n ** 40n + 3n), Uint32Array.of(4, 1, 4));
  assert.deepEqual(
    [...set],
    [
      { start: 7n, count: 1n },
      { start: 2n ** 40n, count: 7n },
    ],
  );
  assert.throws(() => set.insertMany(BigUint64Array.of(1n), Uint32Array.of(1, 2)), { code: 'BAD_ARGUMENT' });
  assert.throws(() => set.insert(1 as never, 1), { code: 'BAD_ARGUMENT' });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { BlkscopeError, SectorSet } from '../../../src/index.js';

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
  assert.equal(set.countIn(1004n, 1000n), 12n);
  assert.equal(set.countIn(1012n, 988n), 0n);
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
});

test('the intersection of two sets, and what of a range is in a set', () => {
  const first = setOf([0, 100], [200, 10]);
  const second = setOf([50, 100], [205, 100]);
  assert.deepEqual(rangesOf(first.intersection(second)), [
    [50, 50],
    [205, 5],
  ]);
  assert.deepEqual(rangesOf(first.intersection(new SectorSet())), []);
  assert.deepEqual(
    [0, 99n, 100, 199, 209, 210].map((each) => first.has(each)),
    [true, true, false, false, true, false],
  );
  assert.equal(first.countIn(90, 115), 15n);
});

test('what is no sector, count or set is refused by the one class of errors', () => {
  const set = new SectorSet();
  const wrong: (() => unknown)[] = [
    () => set.insertMany(BigUint64Array.of(1n), Uint32Array.of(1, 2)),
    () => set.insertMany([1n] as never, Uint32Array.of(1)),
    () => set.insert(-1n, 1),
    () => set.insert(2n ** 64n, 1),
    () => set.insert(Number.NaN, 1),
    () => set.insert(1.5, 1),
    () => set.insert('1' as never, 1),
    () => set.insert(1n, -1),
    () => set.insert(1n, Number.NaN),
    () => set.countIn(1n, 0.5),
    () => set.has(undefined as never),
    () => set.union([] as never),
    () => set.difference(null as never),
    () => set.intersection({} as never),
  ];
  for (const action of wrong) {
    assert.throws(
      action,
      (error) => error instanceof BlkscopeError && error.code === 'BAD_ARGUMENT',
      `${action}`,
    );
  }
  assert.equal(set.size, 0n);
});

test('a console shows the size and the first ranges', () => {
  assert.equal(inspect(setOf([0, 8], [16, 1])), 'SectorSet { size: 9n, 0+8, 16+1 }');
  const many = setOf(...Array.from({ length: 10 }, (_, i): [number, number] => [i * 2, 1]));
  assert.match(inspect(many), /^SectorSet \{ size: 10n, 0\+1, .*14\+1, and 2 more ranges \}$/);
});

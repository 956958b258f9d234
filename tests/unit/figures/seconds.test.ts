import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullestSecond, fullestSpan, perSecond } from '../../../src/figures/seconds.js';

test('the fullest second is the same wherever the buckets begin', () => {
  const burst = new Array<number>(10).fill(100);
  for (const before of [0, 1, 5, 9]) {
    const values = [...new Array<number>(before).fill(0), ...burst, 1, 1];
    assert.equal(fullestSecond(values, 1e8), 1000, `${before}`);
  }
  assert.deepEqual(perSecond([0, 0, 0, 0, 0, ...burst], 1e8), [500, 500]);
});

test('a trace of less than a second, and buckets of half and of whole ones', () => {
  assert.equal(fullestSecond([100, 100], 1e8), 200, 'all of it in one second');
  assert.equal(fullestSecond([500, 500, 1500, 500], 5e8), 2000);
  assert.equal(fullestSecond([500, 700], 1e9), 700);
  assert.equal(fullestSecond([], 1e8), 0);
});

test('of buckets of ten seconds each second has its part, and the fullest time is their mean and called so', () => {
  assert.deepEqual(perSecond([100, 0, 50], 1e10), [
    ...[10, 10, 10, 10, 10, 10, 10, 10, 10, 10],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[5, 5, 5, 5, 5, 5, 5, 5, 5, 5],
  ]);
  assert.equal(fullestSecond([100, 0, 50], 1e10), 10);
  assert.deepEqual([1e8, 1e9, 1e10].map(fullestSpan), ['second', 'second', '10 seconds']);
});

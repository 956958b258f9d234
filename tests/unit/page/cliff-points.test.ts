import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { cliffPoints } from '../../../src/page/compare-page.js';
import { summaryFixture } from '../figures/summary-fixture.js';

/** A run of so many tokens a second, with the bound that was known when it ended. */
function repeat(tokensPerSecond: number, bound: number | null): Summary {
  return summaryFixture(1, (summary) => {
    summary.memory.limitBytes = 64 * 2 ** 20;
    Object.assign(summary.workload as object, { tokensPerSecond });
    summary.bound = bound === null ? null : ({ tokensPerSecond: bound } as Summary['bound']);
  });
}

test('no point of the memory cliff lies above the bound of its group, whichever repeat was the fastest', () => {
  const summaries = [repeat(24, 31), repeat(40, 40), repeat(20, null)];
  const [point] = cliffPoints([{ name: 'limit', summaries, paths: [] }]);
  assert.deepEqual(point?.tokensPerSecond, [24, 40, 20]);
  assert.equal(point?.bound, 40);
  const [unknown] = cliffPoints([{ name: 'limit', summaries: [repeat(20, null)], paths: [] }]);
  assert.equal(unknown?.bound, null);
});

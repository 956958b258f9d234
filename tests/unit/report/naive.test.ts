import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderNaive } from '../../../src/report/naive.js';
import { summaryFixture } from '../figures/summary-fixture.js';

test('the naive figures stand beside the right ones', () => {
  const summary = summaryFixture(1, (run) => {
    run.naive = {
      count: 4 * run.reads.count,
      bytes: 4 * run.reads.bytes,
      gaps: { sequential: 1, small: 0, medium: 0, large: 0, backward: 3 },
      peakBytesPerSecond: 4e9,
    };
  });
  const text = renderNaive(summary);
  assert.match(text, /re-read factor\s+4\.00 x\s+1\.00 x/);
  assert.match(text, /gaps: backward\s+75\.0/);
  assert.match(text, /bytes read\s+400/);
});

test('a run without naive figures is told so', () => {
  assert.throws(() => renderNaive(summaryFixture()), { code: 'NO_NAIVE_FIGURES' });
});

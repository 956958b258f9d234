import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireMarks } from '../../../src/advise/advise.js';
import type { Run } from '../../../src/store/open-run.js';

/** A run whose program said that it made `tokens` after the prompt's, of which so many were seen. */
function runOf(tokens: number, marks: number): Pick<Run, 'path' | 'summary'> {
  const generation = { tokens, marks };
  return { path: 'a-run', summary: { phases: { generation } } as Run['summary'] };
}

test('a program that ends before it has written its last token is advised all the same', () => {
  for (const tokens of [1, 2, 4, 9, 100]) {
    requireMarks(runOf(tokens, tokens));
    requireMarks(runOf(tokens, tokens - 1));
  }
  requireMarks(runOf(100, 90));
});

test('where several tokens have no mark, it is refused with what to do', () => {
  for (const [tokens, marks] of [
    [3, 1],
    [4, 2],
    [10, 8],
    [100, 89],
  ] as const)
    assert.throws(() => requireMarks(runOf(tokens, marks)), {
      code: 'NO_ADVICE',
      message: new RegExp(`^a-run: ${marks} marks for ${tokens} tokens: .*; run it with the embedded engine`),
    });
});

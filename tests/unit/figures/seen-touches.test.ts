import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generationPasses } from '../../../src/figures/seen-touches.js';
import type { SeenPass } from '../../../src/touches/seen.js';
import type { WorkloadOutcome } from '../../../src/workload/engine.js';

const pass = (beginNs: number, ended = true): SeenPass => ({
  ...{ beginNs: BigInt(beginNs), endNs: ended ? BigInt(beginNs + 5) : null, profiled: true, faults: 0 },
});
const outcome = (tokens: number, exitCode: number | null, promptDone = 25): WorkloadOutcome =>
  ({
    exitCode,
    generation: { tokens, walks: null, speculative: false, startedAt: null, endedAt: null },
    marks: [{ kind: 'promptDone', time: BigInt(promptDone) }],
  }) as unknown as WorkloadOutcome;

test('the last passes made the tokens, however many the prompt took; the first token is the prompt', () => {
  const passes = [0, 10, 20, 30, 40].map((begin) => pass(begin));
  assert.deepEqual(generationPasses(passes, outcome(4, 0)), [2, 3, 4]);
  assert.deepEqual(generationPasses(passes, outcome(3, 0)), [3, 4]);
  assert.deepEqual(generationPasses(passes, outcome(1, 0)), []);
});

test('of a workload that was ended the clock tells, and the pass in which it ended is none', () => {
  const passes = [pass(0), pass(10), pass(30), pass(40), pass(50, false)];
  assert.deepEqual(generationPasses(passes, outcome(100, null)), [2, 3]);
});

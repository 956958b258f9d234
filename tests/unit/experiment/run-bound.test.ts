import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { boundOfRun } from '../../../src/experiment/run-bound.js';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { type Model, readModel, synthesizeModel } from '../../../src/index.js';
import type { Mark, WorkloadOutcome } from '../../../src/workload/engine.js';
import { phaseFixture, summaryFixture } from '../figures/summary-fixture.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-run-bound-'));
let model: Model;
before(async () => {
  const path = join(folder, 'model.gguf');
  await synthesizeModel(path, { preset: 'tiny-llama' });
  model = await readModel(path);
});
after(() => rmSync(folder, { recursive: true }));

const ms = 1_000_000;
const tokens = 8;

/** A run that reads nothing, a token of which takes `tokenMs` as its program says. */
function cachedRun(tokenMs: number): { outcome: WorkloadOutcome; summary: Summary } {
  const mark = (kind: Mark['kind'], at: number): Mark => ({ kind, time: BigInt(at * ms) });
  const marks = [
    mark('loaded', 0),
    mark('promptDone', 0),
    ...Array.from({ length: tokens }, (_, i) => mark('token', (i + 1) * tokenMs)),
  ];
  const timings = { tokens, tokensPerSecond: 1000 / tokenMs, saidTokenNs: tokenMs * ms };
  const outcome = { marks, timings, exitCode: 0 } as unknown as WorkloadOutcome;
  const summary = summaryFixture(1, (made) => {
    made.memory.limitBytes = 2 ** 30;
    Object.assign(made.workload as object, { rssAnonBytes: 100, tokensPerSecond: 1000 / tokenMs });
    const generation = phaseFixture(1, (part) => {
      part.tokens = tokens;
      part.model = { bytes: 0, reads: 0, readBytes: 0, uniqueBytes: 0 };
    });
    made.phases = { load: null, prompt: null, generation };
  });
  return { outcome, summary };
}

function boundWhen(warmMs: number, tokenMs: number): Summary['bound'] {
  const { outcome, summary } = cachedRun(tokenMs);
  const source = {
    ...{ diskSpeed: { sequential: 1e9, random: 5e8 }, computeNs: warmMs * ms, records: null },
    threads: 1,
  };
  return boundOfRun(source, { outcome, samples: [] }, summary, model);
}

test('a run that computes faster than the warm one before it is its own bound, none exceeds it', () => {
  const faster = boundWhen(100, 90);
  assert.equal(faster?.computeNsPerToken, 90 * ms);
  assert.equal(faster?.ratio, 1);
  const slower = boundWhen(100, 125);
  assert.equal(slower?.computeNsPerToken, 100 * ms);
  assert.equal(slower?.ratio, 0.8);
});

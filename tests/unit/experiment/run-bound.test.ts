import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BoundRecords } from '../../../src/bound/bound-records.js';
import type { WarmCompute } from '../../../src/bound/warm-compute.js';
import { boundOfRun } from '../../../src/experiment/run-bound.js';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { type Model, readModel, synthesizeModel } from '../../../src/index.js';
import { boundLine } from '../../../src/report/bound-section.js';
import type { Sample } from '../../../src/sample/sample.js';
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

/** A run a token of which takes `tokenMs` as its program says, and reads so much. */
function runOf(tokenMs: number, bytesPerToken = 0): { outcome: WorkloadOutcome; summary: Summary } {
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
    Object.assign(made.workload as object, {
      rssAnonBytes: 100,
      tokensPerSecond: 1000 / tokenMs,
      bytesPerToken,
    });
    const generation = phaseFixture(1, (part) => {
      part.tokens = tokens;
      part.model = { bytes: 0, reads: 0, readBytes: 0, uniqueBytes: 0 };
    });
    made.phases = { load: null, prompt: null, generation };
  });
  return { outcome, summary };
}

function boundWhen(warmMs: number, tokenMs: number): Summary['bound'] {
  return boundWith({ ns: warmMs * ms, quiet: true }, null, tokenMs);
}

function boundWith(
  warm: WarmCompute | null,
  records: BoundRecords | null,
  tokenMs: number,
  { bytesPerToken = 0, samples = [] as Sample[] } = {},
): Summary['bound'] {
  const { outcome, summary } = runOf(tokenMs, bytesPerToken);
  const source = { diskSpeed: { sequential: 1e9, random: 5e8 }, warm, records, atOnce: 1 };
  return boundOfRun(source, { outcome, samples }, summary, model);
}

/** So long did its thread compute, and some task waited for a disk the rest of the time. */
function samplesOf(tokenMs: number, computeMs: number): Sample[] {
  const grown: Record<string, number> = {
    ioStallSomeUs: (tokenMs - computeMs) * tokens * 1e3,
    workloadUserUs: computeMs * tokens * 1e3,
    workloadSystemUs: 0,
    workloadRunDelayUs: 0,
  };
  return Object.entries(grown).flatMap(([metric, value]) => [
    { metric, time: 0n, value: 0 },
    { metric, time: BigInt(tokens * tokenMs * ms), value },
  ]);
}

let named = 0;
/** Of a model and program that nothing is known of yet. */
function newRecords(): BoundRecords {
  const workload = { model: model.path, log: '', extraArgs: [`${named++}`] };
  return new BoundRecords(folder, { engine: { name: 'embedded', path: null }, model, workload, disk: 'sda' });
}

test('a run that computes faster than the warm one before it is its own bound, none exceeds it', () => {
  const faster = boundWhen(100, 90);
  assert.equal(faster?.computeNsPerToken, 90 * ms);
  assert.equal(faster?.ratio, 1);
  const slower = boundWhen(100, 125);
  assert.equal(slower?.computeNsPerToken, 100 * ms);
  assert.equal(slower?.ratio, 0.8);
});

test('runs that all read share their least estimate, and take no token that read for a cached one', () => {
  const records = newRecords();
  const reads = (computeMs: number) =>
    boundWith(null, records, 900, { bytesPerToken: 1e9, samples: samplesOf(900, computeMs) });
  const [first, second, third] = [reads(100), reads(200), reads(90)];
  assert.deepEqual([first?.computeFrom, first?.computeNsPerToken], ['run', 100 * ms]);
  assert.deepEqual([second?.computeFrom, second?.computeNsPerToken], ['run', 100 * ms]);
  assert.deepEqual([third?.computeFrom, third?.computeNsPerToken], ['run', 90 * ms]);
});

test('a cached run on a busy machine bounds nothing for sure, and gives way to what a quiet one shows', () => {
  const records = newRecords();
  const busy = boundWith({ ns: 130 * ms, quiet: false }, records, 900, { bytesPerToken: 1e9 });
  assert.deepEqual([busy?.computeFrom, busy?.computeNsPerToken], ['busy', 130 * ms]);
  assert.equal(records.compute.value, null);
  const cached = boundWith(null, records, 15, { samples: samplesOf(15, 15) });
  assert.equal(cached?.computeNsPerToken, 15 * ms);
  const after = boundWith({ ns: 130 * ms, quiet: false }, records, 900, { bytesPerToken: 1e9 });
  assert.deepEqual([after?.computeFrom, after?.computeNsPerToken], ['warm', 15 * ms]);
});

test('what may be higher is not said to be a bound', () => {
  const [busy, quiet] = [false, true].map((isQuiet) =>
    boundWith({ ns: 130 * ms, quiet: isQuiet }, null, 900),
  ) as NonNullable<Summary['bound']>[];
  assert.match(
    boundLine(busy as never),
    /7\.69 tokens\/s or more, .*only measured while others had the CPUs/,
  );
  assert.match(boundLine(quiet as never), /^bound 7\.69 tokens\/s, measured 14\.4 % of it/);
});

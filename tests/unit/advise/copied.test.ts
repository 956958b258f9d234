// Advice on a run whose weights were copied out of the page cache.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { changesForCopied } from '../../../src/advise/copied.js';
import { accessPattern } from '../../../src/advise/pattern.js';
import { type AdvisedRun, advisedRun } from '../../../src/advise/subject.js';
import { boundOf } from '../../../src/bound/bound.js';
import type { WorkloadSummary } from '../../../src/figures/summary-schema.js';
import { type Model, readModel, synthesizeModel } from '../../../src/index.js';
import type { RunConfig } from '../../../src/run/config.js';
import { Run } from '../../../src/store/open-run.js';
import { phaseFixture, summaryFixture } from '../figures/summary-fixture.js';

const MiB = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'blkscope-copied-'));
let model: Model;
before(async () => {
  const path = join(folder, 'model.gguf');
  await synthesizeModel(path, { preset: 'demo', weights: 'Q4_0', bytes: 64 * MiB });
  model = await readModel(path);
});
after(() => rmSync(folder, { recursive: true }));

/** 10 tokens a second on one of two CPUs, all of it compute, 30 MiB of its own besides the copy. */
function subjectWith(limitBytes: number, workload: Partial<WorkloadSummary> = {}): AdvisedRun {
  const summary = summaryFixture(1, (made) => {
    made.memory.limitBytes = limitBytes;
    if (made.model) made.model.bytes = model.bytes;
    const rssAnonBytes = model.bytes + 30 * MiB;
    const copied = { weights: 'copied', rssAnonBytes, modelMappedBytes: model.bytes, engine: 'llama-cli' };
    Object.assign(
      made.workload as WorkloadSummary,
      copied,
      { tokensPerSecond: 10, bytesPerToken: 0 },
      workload,
    );
    const generation = phaseFixture(1, (part) => {
      part.tokens = 8;
      part.model = { bytes: model.bytes, reads: 0, readBytes: 0, uniqueBytes: 0 };
    });
    made.phases = { load: null, prompt: null, generation };
  });
  const compute = { ns: 1e8, from: 'run' } as const;
  summary.bound = boundOf({ model, summary, compute, disk: { sequential: 1e9, random: 5e8 } });
  const config = { machine: { cpus: 2 }, options: { workload: { threads: 1 } } } as unknown as RunConfig;
  const nothing = {
    regions: [],
    touches: [],
    promptRegions: new Set<number>(),
    wholly: new Set<string>(),
    seen: false,
  };
  return advisedRun(new Run('run', summary, config), model, [accessPattern(model, nothing, 8, 'any')]);
}

test('mapped weights that fit are read no more, and compute as fast or slower', () => {
  const [noRepack] = changesForCopied(subjectWith(model.bytes * 2 + 100 * MiB));
  assert.equal(noRepack?.title, 'no-repack');
  assert.deepEqual(noRepack?.bytesPerToken, { low: 0, likely: 0, high: 0 });
  const { low = 0, likely = 0, high = 0 } = noRepack?.tokensPerSecond ?? {};
  assert.ok(low < likely && likely < 10 && high >= 10, `${low} ${likely} ${high}`);
  assert.match(noRepack?.reason ?? '', /page cache, which holds them all/);
});

test('mapped weights that do not fit are read from the disk, fewer of them with a pin', () => {
  const [noRepack, pinned] = changesForCopied(subjectWith(model.bytes * 0.8 + 30 * MiB));
  assert.ok((noRepack?.bytesPerToken.likely ?? 0) > model.bytes / 4);
  assert.match(pinned?.title ?? '', /^no-repack, .* pinned$/);
  assert.ok((pinned?.bytesPerToken.likely ?? 0) < (noRepack?.bytesPerToken.likely ?? 0));
});

test('while weights are copied a pin of the file gives nothing, and threads share the compute', () => {
  const changes = changesForCopied(subjectWith(model.bytes * 2 + 100 * MiB));
  const pin = changes.find(({ conditions }) => conditions.pinBytes && !conditions.mapped);
  assert.deepEqual(pin?.tokensPerSecond, { low: 10, likely: 10, high: 10 });
  assert.match(pin?.reason ?? '', /^no effect/);
  const threads = changes.find(({ conditions }) => conditions.threads);
  assert.deepEqual(threads?.tokensPerSecond, { low: 10, likely: 20, high: 20 });
  assert.match(threads?.reason ?? '', /^compute-bound: compute takes 100 %/);
});

test('what keeps the weights mapped is named by why they were copied', () => {
  const title = (workload: Partial<WorkloadSummary>) =>
    changesForCopied(subjectWith(2 ** 30, workload))[0]?.title;
  assert.equal(title({ modelMappedBytes: 0 }), 'mmap');
  assert.match(title({ engine: 'embedded' }) ?? '', /llama\.cpp's own program/);
});

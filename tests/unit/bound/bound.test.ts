import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { boundOf } from '../../../src/bound/bound.js';
import { computeNsPerToken } from '../../../src/bound/compute-time.js';
import { growthOver } from '../../../src/bound/growth.js';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { type Model, readModel, renderReport, synthesizeModel } from '../../../src/index.js';
import { touchedByRole, touchedBytes } from '../../../src/model/uses.js';
import { phaseFixture, summaryFixture } from '../figures/summary-fixture.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-bound-'));
let dense: Model;
let mixture: Model;
before(async () => {
  dense = await made('tiny-llama');
  mixture = await made('tiny-gpt-oss');
});
after(() => rmSync(folder, { recursive: true }));

async function made(preset: 'tiny-llama' | 'tiny-gpt-oss'): Promise<Model> {
  const path = join(folder, `${preset}.gguf`);
  await synthesizeModel(path, { preset });
  return readModel(path);
}

const disk = { sequential: 1000, random: 500 };
const [touched, hundredth] = [1e6, 1e4];

/** A run of a model of which each token uses 1 MB, with memory for `kept` of it, that read `read` bytes a token. */
function summaryOf(read: number, kept: number, tokensPerSecond: number): Summary {
  return summaryFixture(1, (summary) => {
    summary.timeline.readBytes = [];
    summary.memory.limitBytes = kept + 100;
    const work = summary.workload as NonNullable<Summary['workload']>;
    Object.assign(work, { rssAnonBytes: 100, tokensPerSecond });
    const generation = phaseFixture(1, (part) => {
      part.tokens = 8;
      part.model = { bytes: read, reads: 1, readBytes: 8 * read, uniqueBytes: read };
    });
    summary.phases = { load: null, prompt: null, generation };
  });
}

test('touched: all of a dense model but the table of embeddings, of a mixture the used part of its experts', () => {
  const bytes = (model: Model, wanted: (name: string) => boolean) =>
    model.tensors.filter(({ name }) => wanted(name)).reduce((sum, tensor) => sum + tensor.bytes, 0);
  const row = (model: Model) => {
    const table = model.tensors.find(({ name }) => name === 'token_embd.weight');
    return (table?.bytes ?? 0) / (table?.shape[1] ?? 1);
  };
  const notTable = (name: string) => name !== 'token_embd.weight';
  assert.equal(Math.round(touchedBytes(dense).least), bytes(dense, notTable) + row(dense));
  const experts = bytes(mixture, (name) => /_exps/.test(name));
  assert.equal(
    Math.round(touchedByRole(mixture).get('experts')?.least ?? 0),
    experts / 8,
    '4 of 32 are used',
  );
});

test('the bound: what memory cannot keep at the speed of the disk, or compute where that takes longer', () => {
  const model = scaled(dense);
  const half = boundOf({
    model,
    summary: summaryOf(touched, touched / 2, 1 / 800),
    compute: { ns: 0, from: 'run' },
    disk,
  });
  assert.ok(half);
  assert.equal(half.keptBytes, touched / 2);
  close(half.tokensPerSecond, 1 / 500);
  close(half.ratio, 500 / 800);
  close(half.reReadBytesPerToken, touched / 2);
  assert.equal(half.unusedBytesPerToken, 0);
  const slow = boundOf({
    model,
    summary: summaryOf(0, touched * 2, 1),
    compute: { ns: 5e8, from: 'run' },
    disk,
  });
  close(slow?.tokensPerSecond ?? 0, 2);
  close(slow?.remainderNsPerToken ?? 0, 5e8);
});

test('a run whose own seconds were faster than the probe never exceeds its bound', () => {
  const summary = summaryOf(touched, touched / 2, 1 / 300);
  summary.timeline = { ...summary.timeline, bucketNs: 5e8, readBytes: [500, 500, 1500, 500] };
  const bound = boundOf({ model: scaled(dense), summary, compute: { ns: 0, from: 'run' }, disk });
  assert.equal(bound?.bandwidth, 2000);
  assert.ok((bound?.ratio ?? 2) <= 1);
});

test('runs of one model, disk and memory share one bound: the fastest disk and the least memory of its own ever seen', () => {
  const input = { model: scaled(dense), compute: { ns: 0, from: 'warm' as const } };
  const quiet = summaryOf(touched, touched / 2, 1 / 800);
  const busy = summaryOf(touched, touched / 2, 1 / 1600);
  Object.assign(busy.workload as NonNullable<Summary['workload']>, { rssAnonBytes: 100 + touched / 10 });
  const seen = { bandwidth: 4000, ownBytes: 100 };
  const [one, other] = [
    boundOf({ ...input, summary: quiet, disk, seen }),
    boundOf({ ...input, summary: busy, disk: { sequential: 10, random: 5 }, seen }),
  ];
  assert.equal(one?.tokensPerSecond, other?.tokensPerSecond);
  assert.equal(other?.bandwidth, 4000);
  close((one?.ratio ?? 0) / (other?.ratio ?? 1), 2);
});

test('where memory is enough and others had the processors, no faster computation is asked for', () => {
  const helps = (busyNs: number) => {
    const summary = summaryOf(0, 2 * touched, 1 / 4);
    Object.assign(summary.workload as object, { bytesPerToken: 0 });
    const compute = { ns: 1e9, from: 'warm' as const };
    summary.bound = boundOf({ model: scaled(dense), summary, compute, disk, busyNs });
    return renderReport(summary);
  };
  assert.match(helps(2.9e9), /only processors\s+that\s+nobody\s+else\s+takes\s+would\s+help/);
  assert.match(helps(0.1e9), /only\s+faster\s+computation\s+would\s+help/);
});

test('the time of a fast token is told by more than hundredths of a second', () => {
  const summary = summaryOf(0, 2 * touched, 64);
  const compute = { ns: 1.5e7, from: 'warm' as const };
  summary.bound = boundOf({ model: scaled(dense), summary, compute, disk });
  assert.match(renderReport(summary), /15\.0 ms\s+of\s+the\s+15\.6 ms\s+that\s+a\s+token\s+took/);
});

test('a run that makes its own bound says so', () => {
  const summary = summaryOf(0, 2 * touched, 1);
  const bound = (from: 'run' | 'warm') =>
    boundOf({ model: scaled(dense), summary, compute: { ns: 1e9, from }, disk });
  summary.bound = bound('run');
  assert.match(renderReport(summary), /Computing limits the speed .*no cached run is known/s);
  assert.match(
    renderReport(summary, { only: ['bound'] }),
    /or more, measured 100\.0 % of\s+it\s+\(computation\s+is\s+estimated:\s+no\s+cached/,
  );
  summary.bound = bound('warm');
  assert.doesNotMatch(renderReport(summary, { all: true }), /or more|no\s+cached run/);
});

test('reads of a role beyond what a token can use are readahead that hit nothing', () => {
  const summary = summaryOf(3 * touched, touched / 2, 1 / 4000);
  assert.ok(summary.model);
  const figures = { uniqueBytes: 0, coverage: 0, readBytes: 0, reReadFactor: null, reads: 0, firstNs: null };
  summary.model.roles = [
    {
      ...figures,
      name: 'norm',
      bytes: 1,
      generationBytes: 0,
      lastNs: null,
      bytesPerToken: 2 * touched + hundredth,
    },
  ];
  const bound = boundOf({ model: scaled(dense), summary, compute: { ns: 0, from: 'run' }, disk });
  const norm = touchedByRole(scaled(dense)).get('norm')?.least ?? 0;
  close(bound?.unusedBytesPerToken ?? 0, 2 * touched + hundredth - norm);
});

test('weights that were copied are in memory: compute alone is their bound', () => {
  const copied = summaryOf(0, touched, 1);
  const work = copied.workload as NonNullable<Summary['workload']>;
  Object.assign(work, { weights: 'copied', rssAnonBytes: touched + 50 });
  (copied.model as NonNullable<Summary['model']>).bytes = touched;
  const bound = boundOf({ model: scaled(dense), summary: copied, compute: { ns: 5e8, from: 'run' }, disk });
  close(bound?.keptBytes ?? 0, touched);
  close(bound?.tokensPerSecond ?? 0, 2);
  const slower = boundOf({ model: scaled(dense), summary: copied, compute: { ns: 2e9, from: 'warm' }, disk });
  close(slower?.ratio ?? 0, 2); // an error of the bound, and told as one
});

test('no bound where it means nothing: no tokens, no bandwidth', () => {
  const input = { model: scaled(dense), compute: { ns: 1, from: 'run' as const }, disk };
  assert.equal(boundOf({ ...input, summary: summaryFixture(1, (s) => (s.phases = null)) }), null);
  assert.equal(boundOf({ ...input, disk: null, summary: summaryOf(touched, touched / 2, 1) }), null);
});

test('compute is the time without stalls and without the kernel, between two samples as between many', () => {
  const sample = (metric: string) => (at: number, value: number) => ({ time: BigInt(at), metric, value });
  const [stall, system] = [sample('ioStallSomeUs'), sample('workloadSystemUs')];
  const samples = [stall(0, 0), stall(2e9, 1e6), system(0, 0), system(2e9, 4e5)];
  assert.equal(growthOver(samples, 'ioStallSomeUs', 500_000_000n, 1_500_000_000n), 5e5);
  const span = { fromNs: 0n, toNs: 2_000_000_000n, tokens: 4 };
  assert.equal(computeNsPerToken(samples, span, 2), (2e9 - 1e9 - 2e8) / 4);
  assert.equal(computeNsPerToken([], span, 2), 0, 'a kernel without PSI');
  const busy = ['workloadRunDelayUs', 'workloadUserUs'].map(sample);
  const grown = (delayUs: number, userUs: number) =>
    busy.flatMap((of, i) => [of(0, 0), of(2e9, [delayUs, userUs][i] as number)]);
  assert.equal(computeNsPerToken([...samples, ...grown(4e5, 2e5)], span, 2), (8e8 - 4e8) / 4);
  assert.equal(
    computeNsPerToken([...samples, ...grown(7e5, 6e5)], span, 2),
    3e8 / 4,
    'its threads computed so long',
  );
});

test('threads that wait for one another, being more than the CPUs, make no run faster than it can be', () => {
  const sample = (metric: string) => (time: number, value: number) => ({ time: BigInt(time), metric, value });
  const grown = Object.entries({
    ioStallSomeUs: 0,
    workloadUserUs: 3.8e6,
    workloadSystemUs: 0,
    workloadRunDelayUs: 1e6,
    cpuBusyUs: 4e6,
    ownCpuUs: 1e5,
  }).flatMap(([metric, us]) => [sample(metric)(0, 0), sample(metric)(2e9, us)]);
  // Four threads on two CPUs for 2 s. All but 0.1 s of the CPUs' 4 s were the workload's and blkscope's own.
  const span = { fromNs: 0n, toNs: 2_000_000_000n, tokens: 4 };
  assert.equal(computeNsPerToken(grown, span, 2), (2e9 - 1e8) / 4);
});

test('the report says what limited the run, and what the bound is made of', () => {
  const summary = summaryOf(touched, touched / 2, 1 / 800);
  summary.bound = boundOf({ model: scaled(dense), summary, compute: { ns: 1e6, from: 'run' }, disk });
  assert.match(renderReport(summary), /Memory limits the speed: what it had room to keep was evicted/);
  const text = renderReport(summary, { all: true });
  assert.match(text, /bound 0\.00 tokens\/s, measured 62\.5 % of it/);
  assert.match(text, /488 KiB {2}must be read/);
});

test("a measurement above the bound is told as the bound's error, never as a share of it", () => {
  const summary = summaryOf(0, touched / 2, 1 / 50);
  summary.bound = boundOf({ model: scaled(dense), summary, compute: { ns: 1e6, from: 'run' }, disk });
  assert.ok((summary.bound?.ratio ?? 0) > 5);
  const text = renderReport(summary, { all: true }).replace(/\s+/g, ' ');
  assert.match(
    text,
    /the bound is wrong, too low by 900 %: its figures give 0\.00 tokens\/s, and 0\.02 were measured/,
  );
  assert.doesNotMatch(text, /no run with this memory|measured \d+(\.\d)? % of it/);
});

test('weights of unknown use make the bound a range', () => {
  const model = scaled(dense);
  const tensors = model.tensors.map((each) =>
    each.name.includes('ffn_up') ? { ...each, name: each.name.replace('ffn_up', 'flux') } : each,
  );
  const strange = { ...model, tensors };
  const { least, most } = touchedBytes(strange);
  assert.ok(least < most && Math.abs(most - touched) < 1);
  const summary = summaryOf(touched, touched / 2, 1 / 800);
  summary.bound = boundOf({ model: strange, summary, compute: { ns: 0, from: 'run' }, disk });
  close(summary.bound?.lowTokensPerSecond ?? 0, 1 / 500);
  close(summary.bound?.tokensPerSecond ?? 0, 1000 / (least - touched / 2));
  const text = renderReport(summary, { only: ['bound'] }).replace(/\s+/g, ' ');
  assert.match(text, /bound 0\.00 to 0\.00 tokens\/s, measured [\d.]+ % to 62\.5 % of it/);
  assert.match(text, /977 KiB if it uses every tensor of unknown use/);
});

/** The model with its sizes changed so that a token uses 1 MB. */
function scaled(model: Model): Model {
  const factor = touched / touchedBytes(model).least;
  const tensors = model.tensors.map((tensor) => ({
    ...tensor,
    offset: tensor.offset * factor,
    bytes: tensor.bytes * factor,
  }));
  const parts = model.parts.map((part) => ({
    ...part,
    bytes: part.bytes * factor,
    metadataBytes: part.metadataBytes * factor,
  }));
  return { ...model, tensors, parts };
}

function close(found: number, wanted: number): void {
  assert.ok(Math.abs(found / wanted - 1) < 1e-6, `${found}, not ${wanted}`);
}

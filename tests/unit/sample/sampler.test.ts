import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { KernelThreads } from '../../../src/sample/kernel-threads.js';
import {
  cpuMetrics,
  meminfoMetrics,
  pressureMetrics,
  vmstatMetrics,
} from '../../../src/sample/machine-metrics.js';
import { counterOf, ownMetrics, systemUs, userUs } from '../../../src/sample/process-metrics.js';
import { Sampler } from '../../../src/sample/sampler.js';

test('counters of kernels of different age get the same names', () => {
  assert.deepEqual(vmstatMetrics('pgmajfault 3\nworkingset_refault 7\n'), [
    ['majorFaults', 3],
    ['refaultedPages', 7],
  ]);
  const now = new Map(
    vmstatMetrics('workingset_refault_anon 5\nworkingset_refault_file 9\npgsteal_anon 1\npgsteal_file 2'),
  );
  assert.equal(now.get('refaultedPages'), 9);
  assert.equal(now.get('reclaimedPages'), 3);
});

test('memory in bytes, the page cache without shared memory', () => {
  const text =
    'MemAvailable: 50 kB\nBuffers: 1 kB\nCached: 10 kB\nSwapTotal: 8 kB\nSwapFree: 5 kB\nShmem: 4 kB\nAnonPages: 7 kB\n';
  assert.deepEqual(meminfoMetrics(text), [
    ['pageCacheBytes', 7 * 1024],
    ['availableBytes', 50 * 1024],
    ['swapUsedBytes', 3 * 1024],
    ['anonBytes', 7 * 1024],
  ]);
});

test('stalls and process counters', () => {
  const pressure =
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n';
  assert.deepEqual(pressureMetrics('io', pressure), [
    ['ioStallSomeUs', 12],
    ['ioStallFullUs', 5],
  ]);
  assert.deepEqual(pressureMetrics('cpu', pressure), [['cpuStallSomeUs', 12]]);
  assert.deepEqual(cpuMetrics('cpu  1 2 3 100 7 4 5 6 0 0\ncpu0 9 9 9\n'), [
    ['cpuBusyUs', 15 * 10_000],
    ['stealUs', 6 * 10_000],
  ]);
  const stat = `7 (a b) c) S ${'0 '.repeat(10)}5 3 0`;
  assert.deepEqual([userUs(stat), systemUs(stat)], [50_000, 30_000]);
  assert.equal(counterOf('rchar: 10\nread_bytes: 4096\n', 'read_bytes'), 4096);
});

test('samples are a few a second on the monotonic clock, and see what this process reads', async () => {
  const file = fileURLToPath(import.meta.url);
  const begin = process.hrtime.bigint();
  const sampler = new Sampler({ paths: [file], everyMs: 50 });
  sampler.watch(process.pid);
  await sleep(120);
  for (let i = 0; i < 200; i++) readFileSync(file);
  await sleep(120);
  sampler.stop();
  const { samples, looks } = sampler;
  assert.ok(looks >= 4, `${looks} looks`);
  assert.ok(samples.every(({ time }) => time >= begin && time <= process.hrtime.bigint()));
  assert.ok((sampler.growth('workloadReadCallBytes') ?? 0) >= 200 * readFileSync(file).length);
  assert.ok((sampler.growth('faults') ?? 0) > 0);
  assert.ok((samples.findLast(({ metric }) => metric === 'modelCachedBytes')?.value ?? 0) > 0);
  assert.equal(sampler.growth('no such metric'), null);
  const own = (metric: string) => samples.findLast((sample) => sample.metric === metric)?.value ?? 0;
  assert.ok(own('workloadUserUs') > 0 && own('workloadAnonBytes') > 2 ** 20);
  assert.ok(own('cpuBusyUs') > own('ownCpuUs'));
  const waits = samples.filter(({ metric }) => metric === 'workloadRunDelayUs').map(({ value }) => value);
  assert.ok(waits.length > 0 && waits.every((value, i) => value >= (waits[i - 1] ?? 0)), 'it only grows');
});

test('a program that is called as a thread of the kernel is none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-kswapd-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'kswapd0');
  copyFileSync('/bin/sh', program);
  const threads = new KernelThreads();
  assert.deepEqual(threads.look(), [['kernelThreadsUs', 0]]);
  const busy = spawn(program, ['-c', 'while :; do :; done']);
  t.after(() => busy.kill());
  const statOf = () => readFileSync(`/proc/${busy.pid}/stat`, 'utf8');
  while (userUs(statOf()) < 400_000) await sleep(20);
  assert.match(statOf(), /\(kswapd0\)/);
  for (let look = 0; look < 20; look++) threads.look(); // it is asked again which threads there are
  const [[, us] = []] = threads.look();
  assert.ok((us ?? Number.NaN) < 400_000, `${us} us`);
});

test('of a long run looks come less often and fewer are kept, from the first to the last', async () => {
  const sampler = new Sampler({ paths: [], everyMs: 2, mostLooks: 16 });
  const { samples } = sampler;
  await sleep(60);
  sampler.watch(process.pid);
  const firstOfWorkload = () => samples.find(({ metric }) => metric === 'workloadReadCallBytes')?.time;
  while (firstOfWorkload() === undefined) await sleep(1);
  const seenAt = firstOfWorkload();
  const enough = sampler.looks + 24;
  while (sampler.looks < enough) await sleep(10);
  sampler.stop();
  const times = (metric: string) =>
    samples.filter((sample) => sample.metric === metric).map(({ time }) => Number(time));
  for (const metric of ['faults', 'workloadReadCallBytes']) {
    const own = times(metric);
    assert.ok(own.length >= 4 && own.length <= 16, `${own.length} of ${sampler.looks} looks`);
    assert.ok(own.every((time, i) => i === 0 || time > (own[i - 1] as number)));
  }
  assert.equal(firstOfWorkload(), seenAt, 'the first of the workload is kept');
});

test('what a workload has read is not its own, even when that has ended', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-own-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'read');
  writeFileSync(file, Buffer.alloc(2 ** 20, 1));
  const ownReads = () => new Map(ownMetrics()).get('ownReadBytes') ?? Number.NaN;
  const before = ownReads();
  try {
    execFileSync('dd', [`if=${file}`, 'of=/dev/null', 'bs=1M', 'iflag=direct'], { stdio: 'ignore' });
  } catch {
    return t.skip('no O_DIRECT here');
  }
  assert.ok(ownReads() - before < 2 ** 20);
});

test('each metric that is taken here stands in the table of docs/experiment.md, and each row once', async () => {
  const sampler = new Sampler({ paths: [fileURLToPath(import.meta.url)], everyMs: 20 });
  sampler.watch(process.pid);
  await sleep(60);
  sampler.stop();
  const rows = readFileSync(new URL('../../../docs/experiment.md', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => /^\| `\w+`.* \| .*(bytes|µs|count|pages)/.test(line));
  const told = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  assert.ok(told.length > 20);
  assert.deepEqual(told.length, new Set(told).size, 'a metric has two rows');
  const taken = new Set(sampler.samples.map(({ metric }) => metric));
  assert.deepEqual(
    [...taken].filter((metric) => !told.includes(metric)),
    [],
  );
});

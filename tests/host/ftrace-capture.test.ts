// The ftrace source on real block devices of this machine: nothing lost at full speed, and every obstacle told plainly.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CaptureProgress } from '../../src/capture/progress.js';
import { Tracer } from '../../src/capture/tracer.js';
import type { TracerOptions } from '../../src/capture/tracer-options.js';
import { locateFiles } from '../../src/machine/traced-files.js';
import { native } from '../../src/native/binding.js';
import { blkscope } from './command-line.js';
import { loopDevice, randomReads } from './loop-device.js';
import { machineState, mountedTracefs, tracefs } from './machine-state.js';

/** BLKSCOPE_TEST_SECONDS=30 for the full length. */
const seconds = Number(process.env.BLKSCOPE_TEST_SECONDS ?? 4);
const exec = promisify(execFile);
/** A real disk: where this file lies. */
const { disk } = locateFiles([fileURLToPath(import.meta.url)]);
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-ftrace-'));
});

after(() => rmSync(folder, { recursive: true }));

const traced = ['--source', 'ftrace', '--mount', '--json'];
const output = (name: string) => ['-o', join(folder, name)];

function start(options: Partial<TracerOptions> & { devices: string[] }): Tracer {
  return Tracer.start({ source: 'ftrace', deliver: false, ...options });
}

/** Reads at full speed and returns how many reads fio made. */
async function readAtFullSpeed(path: string, forSeconds = seconds): Promise<number> {
  const [program, ...args] = randomReads(path, forSeconds) as [string, ...string[]];
  const { stdout } = await exec(program, args, { maxBuffer: 1 << 24 });
  const { jobs } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
    jobs: { read: { total_ios: number } }[];
  };
  return jobs.reduce((sum, job) => sum + job.read.total_ios, 0);
}

describe('random 4 KiB direct reads at full speed', () => {
  for (const ring of ['pages', 'mapped'] as const) {
    test(`none is lost (${ring})`, async () => {
      using loop = loopDevice();
      using _ = mountedTracefs();
      await using tracer = start({ devices: [loop.name], ring });
      const reads = await readAtFullSpeed(loop.path);
      const summary = await tracer.summary();
      assert.equal(summary.eventsDropped, 0);
      assert.deepEqual(summary.defects, []);
      assert.equal(summary.readSectorsTraced, summary.readSectorsDiskstats);
      // fio's own opening reads (partition table, udev) come on top of the measured ones.
      assert.ok(summary.reads.count >= reads && summary.reads.count < reads + 200, `${summary.reads.count}`);
      assert.ok(summary.tracer.spoolTotalBytes / summary.eventsRead <= 12);
    });
  }

  test('an absent consumer makes the kernel drop nothing', async () => {
    using loop = loopDevice();
    using _ = mountedTracefs();
    await using tracer = start({ devices: [loop.name], deliver: true });
    const reads = await readAtFullSpeed(loop.path, 3);
    tracer.stop();
    let events = 0;
    for await (const batch of tracer) events += batch.length;
    const summary = await tracer.summary();
    assert.equal(summary.eventsDropped, 0);
    assert.equal(events, summary.eventsRead);
    assert.ok(summary.reads.count >= reads);
  });
});

describe('losses', () => {
  for (const ring of ['pages', 'mapped'] as const) {
    test(`what another reader of the ring takes away is told (${ring})`, async () => {
      using loop = loopDevice();
      using _ = mountedTracefs();
      await using tracer = start({ devices: [loop.name], ring });
      const thief = spawn('cat', [join(tracefs, 'trace_pipe')], { stdio: 'ignore' });
      await readAtFullSpeed(loop.path, 2);
      thief.kill('SIGKILL');
      await once(thief, 'exit');
      const { defects } = await tracer.summary();
      assert.ok(
        defects.some(({ code }) => code === 'RING_SHARED'),
        JSON.stringify(defects),
      );
      // A thief that is slowed down by a busy machine lets the kernel drop too: what was lost then has that cause.
      assert.ok(
        defects.some(({ code }) => code === 'COUNTED_MORE' || code === 'KERNEL_DROPPED'),
        JSON.stringify(defects),
      );
    });
  }

  test('what a tiny ring drops is counted, and placed in the time of the load', async () => {
    using loop = loopDevice(64);
    using _ = mountedTracefs();
    await using tracer = start({ devices: [loop.name], bufferBytes: 8192, actions: 'all' });
    await sleep(600);
    const began = native.monotonicNow();
    const reads = await readAtFullSpeed(loop.path, 1);
    const ended = native.monotonicNow();
    await sleep(600);
    const summary = await tracer.summary();
    const lost = summary.losses.reduce((sum, { count }) => sum + count, 0);
    assert.ok(lost > 0 && lost === summary.eventsDropped, `${lost} of ${summary.eventsDropped}`);
    assert.equal(summary.reads.count < reads, true);
    for (const { fromNs, toNs, by } of summary.losses) {
      assert.equal(by, 'kernel');
      // To the quarter of a second between two looks at the kernel's counters, and the sweep of a loaded machine.
      assert.ok(fromNs >= began - 500_000_000n && toNs <= ended + 500_000_000n);
    }
  });

  for (const onFull of ['drop', 'stop'] as const) {
    test(`a full spool: ${onFull}`, async () => {
      using loop = loopDevice(64);
      using _ = mountedTracefs();
      await using tracer = start({ devices: [loop.name], deliver: true, spoolBytes: 1 << 20, onFull });
      await readAtFullSpeed(loop.path, 3);
      const summary = await tracer.summary();
      const first = summary.losses[0];
      assert.ok(first && first.by === 'spool' && first.fromNs > summary.startedNs);
      assert.equal(
        summary.losses.reduce((sum, { count }) => sum + count, 0),
        summary.eventsDropped,
      );
      const codes = summary.defects.map(({ code }) => code);
      assert.deepEqual(codes, onFull === 'stop' ? ['SPOOL_FULL', 'STOPPED_WHEN_FULL'] : ['SPOOL_FULL']);
      const untilEnd = Number(summary.stoppedNs - first.fromNs) / 1e9;
      assert.equal(untilEnd < 0.5, onFull === 'stop', `traced for ${untilEnd} s after it was full`);
    });
  }

  test('a spool that goes on in a tmpfs of its own loses nothing and leaves nothing', async () => {
    using loop = loopDevice(64);
    const clean = machineState();
    const spool = ['--spool-size', '512K', '--spool-tmpfs', '64M'];
    const args = ['record', '-d', loop.name, ...traced, ...spool, ...output('spooled')];
    const result = await blkscope([...args, '--', ...randomReads(loop.path, 3)]);
    assert.equal(result.exitCode, 0, result.stderr);
    const { tracer, integrity } = JSON.parse(result.stdout);
    assert.equal(integrity.eventsDropped, 0);
    assert.ok(tracer.spoolFileBytes > 0 && tracer.spoolBytes <= 512 * 1024);
    assert.deepEqual(machineState(), clean);
  });
});

test('the running figures are told while it runs, and end with it', async () => {
  using loop = loopDevice(64);
  using _ = mountedTracefs();
  await using tracer = start({ devices: [loop.name] });
  const reading = readAtFullSpeed(loop.path, 1).then(() => tracer.stop());
  const told: CaptureProgress[] = [];
  for await (const figures of tracer.progress(100)) told.push(figures);
  await reading;
  assert.ok(told.length >= 5, `${told.length}`);
  assert.ok(
    told.some(({ eventsPerSecond, readBytesPerSecond }) => eventsPerSecond > 0 && readBytesPerSecond > 0),
  );
  assert.equal(told.at(-1)?.events, (await tracer.summary()).eventsRead);
});

describe('obstacles', () => {
  test('a foreign tracer is respected', async () => {
    using _ = mountedTracefs();
    writeFileSync(`${tracefs}/current_tracer`, 'blk');
    try {
      const result = await blkscope(['record', '-d', disk, ...traced, '--duration', '1', ...output('busy')]);
      assert.equal(result.exitCode, 4, result.stderr);
      assert.match(result.stderr, /the kernel's 'blk' tracer is active/);
      assert.equal(readFileSync(`${tracefs}/current_tracer`, 'utf8').trim(), 'blk');
    } finally {
      writeFileSync(`${tracefs}/current_tracer`, 'nop');
    }
  });

  test('enabled trace events are respected', async () => {
    using _ = mountedTracefs();
    writeFileSync(`${tracefs}/set_event`, 'block:block_rq_issue');
    try {
      const result = await blkscope(['record', '-d', disk, ...traced, '--duration', '1', ...output('busy')]);
      assert.equal(result.exitCode, 4, result.stderr);
      assert.match(result.stderr, /trace events are enabled/);
    } finally {
      writeFileSync(`${tracefs}/set_event`, '');
    }
  });

  test('a device that is traced already is told as such, and its trace goes on', async () => {
    using loop = loopDevice(64);
    const enable = `/sys/block/${loop.name}/trace/enable`;
    writeFileSync(enable, '1');
    try {
      const result = await blkscope([
        'record',
        '-d',
        loop.name,
        ...traced,
        '--duration',
        '1',
        ...output('busy'),
      ]);
      assert.equal(result.exitCode, 4, result.stderr);
      assert.match(result.stderr, /is being traced already/);
      assert.equal(readFileSync(enable, 'utf8').trim(), '1');
    } finally {
      writeFileSync(enable, '0');
    }
  });

  test('an unmounted tracefs is told, and mounted on request for as long as it is needed', async () => {
    const record = ['record', '-d', disk, '--source', 'ftrace', '--json', '--duration', '0.2'];
    const refused = await blkscope([...record, ...output('unmounted')]);
    assert.equal(refused.exitCode, 3, refused.stderr);
    assert.match(refused.stderr, /tracefs is not mounted/);
    const clean = machineState();
    const mounted = await blkscope([...record, '--mount', ...output('mounted')]);
    assert.equal(mounted.exitCode, 0, mounted.stderr);
    assert.deepEqual(machineState(), clean);
  });
});

describe('a capture that ends early keeps what it has', () => {
  test('the loop device is detached', async () => {
    using loop = loopDevice(64);
    const clean = machineState();
    const recording = blkscope(
      ['record', '-d', loop.name, ...traced, '--duration', '3', ...output('vanished')],
      {
        when: {
          text: 'blkscope: record',
          act: async () => {
            execFileSync('dd', [`if=${loop.path}`, 'of=/dev/null', 'bs=1M', 'count=32', 'iflag=direct']);
            loop.detach();
          },
        },
      },
    );
    const result = await recording;
    const summary = JSON.parse(result.stdout);
    assert.ok(summary.reads.bytes >= 32 * 2 ** 20);
    assert.ok([0, 6].includes(result.exitCode as number), result.stderr);
    assert.deepEqual(machineState(), clean);
  });

  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(signal, async () => {
      using loop = loopDevice(64);
      const clean = machineState();
      const command = ['--', 'sh', '-c', `dd if=${loop.path} of=/dev/null bs=1M iflag=direct; sleep 30`];
      const result = await blkscope(['record', '-d', loop.name, ...traced, ...output(signal), ...command], {
        when: {
          text: 'blkscope: run sh',
          act: async (child) => {
            await sleep(700);
            child.kill(signal);
          },
        },
      });
      assert.equal(result.exitCode, exitCode, result.stderr);
      const summary = JSON.parse(result.stdout);
      assert.equal(summary.integrity.complete, false);
      assert.match(JSON.stringify(summary.integrity.defects), new RegExp(signal));
      assert.equal(summary.reads.bytes, 64 * 2 ** 20);
      assert.ok(existsSync(join(folder, signal, 'summary.json')));
      assert.deepEqual(machineState(), clean);
    });
  }
});

// What a capture must bear: filters, kinds of devices and requests, and obstacles. The guest runs all of it in one
// process (capture-scenarios.mjs); here is what each situation must have given.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { bootGuest, type Guest } from './guest.js';

interface Outcome {
  failed?: string;
  tracesLeft: string;
  actions: Record<string, number>;
  reads: { count: number; errors: number };
  defects: { code: string; values: Record<string, unknown> }[];
  readSectorsTraced: number;
  readSectorsDiskstats: number;
  remapped: number[];
  flushes: number[];
  failures: { code: string; message: string; exitCode: number }[];
  foreign: number;
  tracesLeftByKills: number;
  settingsKept: boolean;
}

const script = readFileSync(new URL('capture-scenarios.mjs', import.meta.url));

for (const kernel of ['6.1', '7.3'] as const) {
  describe(`captures on kernel ${kernel}`, { timeout: 300_000 }, () => {
    let guest: Guest;
    let outcomes: Record<string, Outcome>;
    before(async () => {
      guest = await bootGuest({
        kernel,
        possibleCpus: 4,
        disks: [{ sizeMiB: 256 }],
        modules: ['null_blk nr_devices=1 gb=1 queue_mode=2', 'loop', 'dm-mod', 'mq-deadline'],
      });
      const kill = kernel === '7.3' ? 'kill' : '';
      const options = { input: script, timeoutMs: 150_000 };
      outcomes = JSON.parse(await guest.output(`node --input-type=module - ${kill}`, options));
    });
    after(async () => await guest[Symbol.asyncDispose]());

    const outcome = (name: string): Outcome => {
      const found = outcomes[name] as Outcome;
      assert.equal(found.failed, undefined);
      assert.equal(found.tracesLeft, '');
      return found;
    };
    const whole = (name: string, reads: number): Outcome => {
      const found = outcome(name);
      // Bytes that are no record are told, and no loss.
      assert.deepEqual(
        found.defects.filter(({ code }) => code !== 'NO_RECORDS'),
        [],
      );
      assert.equal(found.reads.count, reads);
      return found;
    };

    test('asks the kernel for issue and completion alone, or for everything', () => {
      assert.deepEqual(whole('needed', 100).actions, { D: 100, C: 100 });
      assert.deepEqual(whole('all', 100).actions, { Q: 100, G: 100, D: 100, C: 100 });
      assert.deepEqual(whole('scheduler', 100).actions, { Q: 100, G: 100, I: 100, D: 100, C: 100 });
    });

    test('lets the kernel filter by sectors and thread, in both sources', () => {
      // 128 reads lie in the range; the one at sector 0 passes every filter of the kernel's.
      whole('lba', 129);
      whole('lbaFtrace', 129);
      assert.equal(outcome('pid').actions.Q, 50);
    });

    test('takes several devices, a partition, device mapper and loop', () => {
      for (const [name, reads] of [
        ['several', 140],
        ['partition', 60],
        ['loop', 90],
      ] as const) {
        const { readSectorsTraced, readSectorsDiskstats } = whole(name, reads);
        assert.equal(readSectorsTraced, readSectorsDiskstats);
      }
      const linear = whole('dmLinear', 80);
      assert.deepEqual(linear.actions, { Q: 80, C: 80 });
      assert.deepEqual(
        linear.remapped,
        [0, 8, 16, 24, 32, 40, 48, 56].map((sector) => 4096 + sector),
      );
    });

    test('takes discards, flushes, failed reads and records tagged with a cgroup', () => {
      assert.deepEqual(whole('discard', 0).actions, { D: 10, C: 10 });
      assert.deepEqual(outcome('flush').flushes, [0]);
      assert.ok(whole('dmError', 0).reads.errors > 0);
      whole('cgroup', 100);
    });

    test('refuses a device that another traces, in one line, and leaves that trace alone', () => {
      const { failures, foreign } = outcome('busy');
      assert.equal(foreign, 100);
      assert.deepEqual(
        failures.map(({ code, exitCode }) => ({ code, exitCode })),
        [
          { code: 'TRACER_BUSY', exitCode: 4 },
          { code: 'TRACER_BUSY', exitCode: 4 },
        ],
      );
      for (const { message } of failures)
        assert.match(message, /^[^\n]*nullb0 is being traced already[^\n]*$/);
    });

    test('keeps what it has of a device that vanishes, says so, and goes on with the others', () => {
      const { reads, defects } = outcome('vanished');
      assert.equal(reads.count, 150);
      assert.match(JSON.stringify(defects), /vanished while it was traced/);
    });

    test('loses nothing when a CPU goes offline', () => {
      whole('cpuOffline', 150);
    });

    test('traces a CPU that comes online after the start, in both sources', () => {
      whole('cpuOnline', 2050);
      whole('cpuOnlineFtrace', 2050); // and two CPUs are possible that never come
    });

    test('refuses a second session by ftrace, and leaves the settings of the first alone', () => {
      const { failures, settingsKept } = whole('twoByFtrace', 100);
      assert.deepEqual(
        failures.map(({ code, exitCode }) => ({ code, exitCode })),
        [{ code: 'TRACER_BUSY', exitCode: 4 }],
      );
      assert.match(failures[0]?.message ?? '', /^another blkscope session traces through ftrace[^\n]*$/);
      assert.ok(settingsKept);
    });

    if (kernel === '7.3') {
      test('can be killed at any moment, recovered, and started again', () => {
        assert.ok(whole('killed', 100).tracesLeftByKills > 0);
      });
    }
  });
}

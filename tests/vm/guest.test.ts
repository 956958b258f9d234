import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootGuest, type Guest } from './guest.js';

const READS = 500;

for (const kernel of ['6.1', '7.3'] as const) {
  describe(`a guest with kernel ${kernel}`, { timeout: 300_000 }, () => {
    let guest: Guest;
    before(async () => {
      guest = await bootGuest({
        kernel,
        disks: [{ sizeMiB: 64 }],
        modules: ['null_blk nr_devices=1 gb=1 queue_mode=2'],
      });
    });
    after(async () => await guest[Symbol.asyncDispose]());

    test('is the kernel that was asked for', () => {
      assert.ok(guest.release.startsWith(`${kernel}.`), guest.release);
    });

    test('runs node with the host version', async () => {
      assert.equal(await guest.output('node -p process.version'), `${process.version}\n`);
    });

    test('tells exit code, stdout and stderr apart', async () => {
      const result = await guest.run('echo out; echo err >&2; exit 7');
      assert.deepEqual(result, { exitCode: 7, stdout: 'out\n', stderr: 'err\n' });
    });

    test('is not held up by what a script leaves running', async () => {
      assert.equal(await guest.output('sleep 1000 & echo started'), 'started\n');
    });

    test('carries binary files both ways', async () => {
      const data = randomBytes(8 * 1024 * 1024 + 13);
      await guest.writeFile("/tmp/it's binary", data);
      assert.ok(data.equals(await guest.readFile("/tmp/it's binary")));
    });

    test('has null_blk and the disk that was asked for', async () => {
      const sizes = await guest.output('cat /sys/block/nullb0/size /sys/block/vda/size');
      assert.equal(sizes, `${1024 * 2048}\n${64 * 2048}\n`);
    });

    test('traces every read of a null block device, by blktrace and blkparse', async () => {
      await guest.output('mkdir -p /tmp/trace');
      await guest.output(traceReads);
      const completed = await guest.output(
        `cd /tmp/trace && blkparse -i nullb0 -a complete -f '%a %S %n %e\\n' | grep -c '^C [0-9]* 8 0$'`,
      );
      assert.equal(Number(completed), READS);
    });
  });
}

/** blktrace has opened the device's tracing once its relay files are there. */
const traceReads = `
  cd /tmp/trace
  blktrace -d /dev/nullb0 -a complete -o nullb0 > blktrace.log &
  tracer=$!
  until [ -e /sys/kernel/debug/block/nullb0/trace0 ]; do sleep 0.05; done
  fio --name=reads --filename=/dev/nullb0 --rw=randread --bs=4k --direct=1 --number_ios=${READS} > fio.log
  kill -INT $tracer
  wait $tracer`;

test('a script that takes too long ends its guest and says what it wrote', { timeout: 120_000 }, async () => {
  await using guest = await bootGuest({ kernel: '6.1' });
  await assert.rejects(
    guest.run('echo so far; sleep 100', { timeoutMs: 1000 }),
    /took over 1000 ms.*so far/s,
  );
  await assert.rejects(guest.run('true'), /the guest is gone/);
});

test('a guest does not outlive the process that booted it', { timeout: 120_000 }, async () => {
  const marker = `orphan=${process.pid}`;
  const boot = `import { bootGuest } from ${JSON.stringify(new URL('guest.ts', import.meta.url).href)};
    await bootGuest({ kernel: '6.1', append: '${marker}' });
    process.kill(process.pid, 'SIGKILL');`;
  const { signal, stdout } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', boot],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  assert.match(stdout, /^guest 6\.1\./);
  assert.equal(signal, 'SIGKILL');
  await sleep(500);
  assert.deepEqual(processesWith(marker), []);
});

function processesWith(word: string): string[] {
  const all = execFileSync('ps', ['-ww', '-eo', 'args'], { encoding: 'utf8' }).split('\n');
  return all.filter((line) => line.startsWith('qemu') && line.includes(word));
}

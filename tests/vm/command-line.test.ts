// The command line in a guest, with what no host should be asked for: debugfs and tracefs unmounted, disks that are
// pulled out, ftrace with records of version 2.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Finding } from '../../src/doctor/diagnose.js';
import { exportRun } from '../../src/export/export-run.js';
import type { Summary } from '../../src/figures/summary-schema.js';
import { openRun, type Run } from '../../src/store/open-run.js';
import { pick, randomFrom } from '../fuzz/mutations.js';
import * as tools from './blktrace-tools.js';
import { bootGuest, type Guest } from './guest.js';

const blkscope = 'node /blkscope/dist/cli/main.js';
const traced = `${blkscope} record --mount --json`;
const ios = 300;

describe('the command line on kernel 7.3', { timeout: 900_000 }, () => {
  let guest: Guest;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'blkscope-command-line-'));
    guest = await bootGuest({
      kernel: '7.3',
      disks: [{ sizeMiB: 256 }, { sizeMiB: 16 }, { sizeMiB: 16 }],
      modules: ['loop', 'dm-mod', 'dm-flakey'],
    });
    await guest.output('umount /sys/kernel/tracing && umount /sys/kernel/debug');
  });
  after(async () => {
    await guest[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** A recording that leaves no mount, journal or trace behind; the exit code and what it printed. */
  async function record(options: string, command: string) {
    const result = await guest.run(`${traced} ${options} -- ${command}`, { timeoutMs: 120_000 });
    const left = `grep -cE ' (debugfs|tracefs) ' /proc/mounts; find /run/blkscope -type f`;
    assert.equal((await guest.run(left)).stdout, '0\n', result.stderr);
    assert.notEqual(result.stdout, '', result.stderr);
    return { ...result, summary: JSON.parse(result.stdout) as Summary };
  }

  /** A run of the guest's, to be read on this machine. */
  async function fetchedRun(name: string): Promise<Run> {
    await guest.output(`tar cf /tmp/${name}.tar -C /tmp ${name}`);
    writeFileSync(join(folder, `${name}.tar`), await guest.readFile(`/tmp/${name}.tar`));
    execFileSync('tar', ['xf', `${name}.tar`], { cwd: folder });
    return openRun(join(folder, name));
  }

  test('doctor tells by what rule the kernel evicts', async () => {
    const setting = '/sys/kernel/mm/lru_gen/enabled';
    const before = await guest.output(`cat ${setting}`);
    const told = async (value: string) => {
      await guest.output(`echo ${value} >${setting}`);
      const findings: Finding[] = JSON.parse((await guest.run(`${blkscope} doctor --json /dev/vda`)).stdout);
      return findings.filter(({ name }) => name === 'eviction').map(({ detail }) => detail);
    };
    assert.match((await told('n')).join(), /^by two lists/);
    assert.match((await told('y')).join(), /^by generations \(MGLRU\)/);
    await guest.output(`echo ${before} >${setting}`);
  });

  test('ftrace with records of version 2, tracefs mounted for it, exported for blkparse and btt', async () => {
    const fio = `fio --output=/tmp/fio.log --filename=/dev/vda --direct=1 --ioengine=libaio --name=mixed --bs=4k \
      --rw=randrw --iodepth=8 --number_ios=${ios} --fsync=50`;
    const { exitCode, summary, stderr } = await record(
      '-d vda --source ftrace --actions all -o /tmp/v2',
      fio,
    );
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual([summary.source.kind, summary.source.protocol], ['ftrace', 2]);
    assert.ok(summary.reads.count + (summary.writes.count ?? 0) >= ios);
    assert.equal(summary.integrity.readSectorsTraced, summary.integrity.readSectorsDiskstats);

    await using run = await fetchedRun('v2');
    assert.equal(await exportRun(run, { format: 'blktrace', output: join(folder, 'again') }), null);
    const actions: Record<string, number> = {};
    for (const [key, { count }] of Object.entries(tools.listedEvents(folder, 'again'))) {
      const letter = key.charAt(0);
      actions[letter] = (actions[letter] ?? 0) + count;
    }
    assert.deepEqual(actions, summary.source.actions);
    const totals = tools.summaryTotals(folder, 'again');
    assert.equal(totals['Reads Completed']?.kib, summary.reads.bytes / 1024);
    assert.equal(totals['Writes Completed']?.kib, (summary.writes.bytes ?? 0) / 1024);
    assert.equal(totals['Reads Queued']?.count, summary.reads.count);
    const peer = tools.btt(folder, 'again', tools.readsAlone);
    const { q2c, q2g } = summary.latency;
    assert.deepEqual([peer.q2c?.count, peer.q2c?.min, peer.q2c?.max], [q2c?.count, q2c?.min, q2c?.max]);
    assert.deepEqual([peer.q2g?.count, peer.q2g?.min, peer.q2g?.max], [q2g?.count, q2g?.min, q2g?.max]);
  });

  for (const { source, disk } of [
    { source: 'relay', disk: 'vdb' },
    { source: 'ftrace', disk: 'vdc' },
  ]) {
    test(`a disk that is pulled out is told, and what was traced is kept (${source})`, async () => {
      await guest.writeFile(
        '/tmp/pull.sh',
        `dd if=/dev/${disk} of=/dev/null bs=4k count=100 iflag=direct
        echo 1 > "$(readlink -f /sys/block/${disk}/device/..)/remove"
        while [ -e /sys/block/${disk} ]; do sleep 0.1; done
        sleep 0.3`,
      );
      const { exitCode, summary, stderr } = await record(
        `-d ${disk} --source ${source} -o /tmp/pulled-${disk}`,
        'sh /tmp/pull.sh',
      );
      assert.equal(exitCode, 6, stderr);
      assert.match(stderr, new RegExp(`${disk} vanished while it was traced`));
      assert.equal(summary.integrity.complete, false);
      assert.equal(summary.reads.count, 100);
      const kept = await guest.readFile(`/tmp/pulled-${disk}/summary.json`);
      assert.deepEqual(JSON.parse(kept.toString()), summary);
    });
  }

  test('a disk whose reads fail from a place on: one line, and the run is kept (dm-error)', async () => {
    await guest.writeFile(
      '/tmp/fail.sh',
      `dd if=/dev/dm-0 of=/dev/null bs=4k count=100 iflag=direct || exit 9
      dd if=/dev/dm-0 of=/dev/null bs=4k skip=128 count=10 iflag=direct`,
    );
    await guest.output(`printf '0 1024 linear /dev/vda 0\\n1024 1024 error\\n' | dmsetup create failing`);
    const { exitCode, summary, stderr } = await record(
      '-d dm-0 --source relay -o /tmp/failed',
      'sh /tmp/fail.sh',
    );
    await guest.output('dmsetup remove failing');
    assert.equal(exitCode, 5, stderr);
    assert.match(stderr.trimEnd().split('\n').at(-1) ?? '', /^blkscope: sh .*ended with exit code 1.*error/);
    assert.equal(summary.reads.count, 100);
    assert.ok((summary.reads.errors ?? 0) > 0, JSON.stringify(summary.reads));
    const kept = await guest.readFile('/tmp/failed/summary.json');
    assert.deepEqual(JSON.parse(kept.toString()), summary);
  });

  for (const source of ['relay', 'ftrace'])
    test(`a disk that fails now and then: one line, and the run is kept and marked (dm-flakey, ${source})`, async () => {
      await guest.writeFile(
        '/tmp/flaky.sh',
        `read_some() { dd if=/dev/dm-0 of=/dev/null bs=4k count=100 iflag=direct; }
        until read_some 2> /dev/null; do sleep 0.1; done
        while read_some; do sleep 0.1; done
        exit 1`,
      );
      await guest.output(`dmsetup create flaky --table '0 2048 flakey /dev/vda 0 4 2'`);
      const { exitCode, summary, stderr } = await record(
        `-d dm-0 --source ${source} -o /tmp/flaky-${source}`,
        'sh /tmp/flaky.sh',
      );
      await guest.output('dmsetup remove flaky');
      assert.equal(exitCode, 5, stderr);
      assert.match(
        stderr.trimEnd().split('\n').at(-1) ?? '',
        /^blkscope: sh .*ended with exit code 1.*error/,
      );
      assert.ok(summary.reads.count >= 100, JSON.stringify(summary.reads));
      assert.ok((summary.reads.errors ?? 0) > 0, JSON.stringify(summary.reads));
      assert.equal(summary.integrity.complete, true, JSON.stringify(summary.integrity));
      const kept = await guest.readFile(`/tmp/flaky-${source}/summary.json`);
      assert.deepEqual(JSON.parse(kept.toString()), summary);
    });

  test('signals at random moments of a relay trace leave the machine as it was', async () => {
    const state = `find /run/blkscope -type f; ls -d /sys/fs/cgroup/blkscope* /sys/kernel/debug/block/*/dropped
      cat /proc/mounts; cat /sys/block/vd*/queue/read_ahead_kb; cat /sys/block/vd*/trace/enable; ps | grep -c '[m]ain.js'`;
    const before = (await guest.run(state)).stdout;
    const random = randomFrom(Date.now());
    const recordings = [
      '-d vda -- sleep 20',
      '-d vda --actions all --duration 20',
      '-d vda --attach $$ --duration 20',
    ];
    for (let round = 0; round < 12; round++) {
      const signal = pick(random, ['INT', 'TERM', 'HUP']);
      const seconds = (1 + random() * 8).toFixed(2);
      const asked = recordings[round % recordings.length] as string;
      const command = `${traced} --source relay -o /tmp/signalled-${round} ${asked}`;
      const { stdout, stderr } = await guest.run(
        `${command} > /dev/null 2> /tmp/told & sleep ${seconds}; kill -${signal} $!; wait $!; echo $?; cat /tmp/told >&2`,
      );
      const told = `${signal} after ${seconds} s of ${asked}: ${stderr}`;
      assert.match(stdout, /^(129|130|143|0)\n$/, told);
      assert.doesNotMatch(stderr, /^\s+at /m, told);
      assert.equal((await guest.run(state)).stdout, before, told);
    }
  });

  test('swap to compressed memory is told from swap to a disk', async () => {
    // 160 MiB of random bytes, which no compression makes smaller, in a cgroup of 96.
    const command = `sh -c 'echo $$ > /sys/fs/cgroup/tight/cgroup.procs
      exec node -e "require(\\"crypto\\").randomFillSync(Buffer.alloc(160 << 20))"'`;
    await guest.output(`modprobe zram && mkdir /sys/fs/cgroup/tight && echo 96M > /sys/fs/cgroup/tight/memory.max
      echo 256M > /sys/block/zram0/disksize && mkswap /dev/zram0 && mkswap /dev/vda`);
    const swapped = async (device: string) => {
      await guest.output(`swapon /dev/${device}`);
      const { summary } = await record(`-d vda -o /tmp/swap-${device}`, command);
      await guest.output(`swapoff /dev/${device}`);
      return { memory: summary.memory, writtenToDisk: summary.writes.bytes ?? 0 };
    };
    const zram = await swapped('zram0');
    const out = 4096 * (zram.memory.swapOutPages ?? 0);
    assert.ok(out > 32 << 20, `${out} bytes swapped out`);
    assert.ok(Math.abs((zram.memory.zramWrittenBytes ?? 0) - out) < out / 20, JSON.stringify(zram));
    assert.ok(zram.writtenToDisk < out / 20, JSON.stringify(zram));
    const disk = await swapped('vda');
    assert.ok((disk.memory.swapOutPages ?? 0) > 8192, JSON.stringify(disk));
    assert.equal(disk.memory.zramWrittenBytes, 0);
    assert.ok(disk.writtenToDisk > 32 << 20, JSON.stringify(disk));
  });

  test('a lock that the own cgroup cannot hold is refused, though the machine could', async () => {
    await guest.output('mkdir /sys/fs/cgroup/box && echo 300M > /sys/fs/cgroup/box/memory.max');
    const boxed = `sh -c 'echo $$ > /sys/fs/cgroup/box/cgroup.procs; exec ${blkscope} lock 340M -- true'`;
    const { exitCode, stderr } = await guest.run(boxed);
    assert.equal(exitCode, 4, stderr);
    assert.match(stderr, /locking 340 MiB would leave less than \d+ MiB of the \d+ MiB available/);
    const free = await guest.run(`${blkscope} lock 340M -- true`);
    assert.equal(free.exitCode, 0, free.stderr);
  });

  test('a loop device that is detached meanwhile is no loss, and a failed read is told with its errno', async () => {
    await guest.output(`truncate -s 4M /tmp/loop.img && losetup /dev/loop0 /tmp/loop.img
      dmsetup create bad --table '0 2048 error'`);
    await guest.writeFile(
      '/tmp/detach.sh',
      `dd if=/dev/loop0 of=/dev/null bs=4k count=100 iflag=direct
      losetup -d /dev/loop0
      ! dd if=/dev/dm-0 of=/dev/null bs=4k count=1 iflag=direct`,
    );
    const { exitCode, summary, stderr } = await record(
      '-d loop0 -d dm-0 --source relay -o /tmp/detached',
      'sh /tmp/detach.sh',
    );
    assert.equal(exitCode, 0, stderr);
    assert.equal(summary.reads.count, 100);
    assert.equal(await guest.output('dmsetup remove bad; losetup -a'), '');
    await using run = await fetchedRun('detached');
    const connection = await run.connect();
    const errors = await connection.runAndReadAll('SELECT DISTINCT error FROM event WHERE error > 0');
    assert.deepEqual(errors.getRows(), [[constants.errno.EIO]]);
    assert.ok((summary.reads.errors ?? 0) > 0);
    connection.closeSync();
  });
});

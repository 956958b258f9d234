// What --account says on a kernel that lacks its events, and what it tells on one that has them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Summary } from '../../src/figures/summary-schema.js';
import { bootGuest } from './guest.js';

const bytes = 4 * 2 ** 20;
const made = `mkfs.ext4 -q /dev/vda && mkdir -p /mnt && mount /dev/vda /mnt &&
  dd if=/dev/urandom of=/mnt/file bs=${bytes} count=1 2>/dev/null && sync`;
const account = `echo 3 > /proc/sys/vm/drop_caches; node /blkscope/dist/cli/main.js record --mount --account --file /mnt/file -o /tmp/run -- cat /mnt/file > /tmp/told`;

test('kernel 6.1 lacks an event: refused in a line, and nothing is left behind', {
  timeout: 300_000,
}, async () => {
  await using guest = await bootGuest({ kernel: '6.1', disks: [{ sizeMiB: 64 }] });
  await guest.output(made);
  const { exitCode, stderr } = await guest.run(account, { timeoutMs: 120_000 });
  assert.equal(exitCode, 3, stderr);
  assert.match(stderr, /no event filemap:\w+: it takes Linux 6\.12 or later; leave the option out\n$/);
  assert.equal((await guest.run('ls /tmp/run; find /run/blkscope -type f')).stdout, '');
});

test('kernel 7.3 has them: every byte that is read is used', { timeout: 300_000 }, async () => {
  await using guest = await bootGuest({ kernel: '7.3', disks: [{ sizeMiB: 64 }] });
  await guest.output(made);
  const { exitCode, stderr } = await guest.run(account, { timeoutMs: 120_000 });
  assert.equal(exitCode, 0, stderr);
  const summary = JSON.parse(await guest.output('cat /tmp/run/summary.json')) as Summary;
  assert.equal(summary.account?.bytes, bytes);
  assert.equal(summary.account?.usedBytes, bytes);
  assert.equal(summary.account?.lostEvents, 0);
});

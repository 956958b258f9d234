// A trace of a partition, as blktrace makes one of /dev/sda1: its events bear the partition's number and the disk's sectors.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Summary } from '../../src/figures/summary-schema.js';
import { blkscope } from './command-line.js';
import { loopDevice } from './loop-device.js';

const fileBytes = 4 << 20;

/** A file system on the one partition of a disk, and a file in it that no cache holds. */
function fileOnPartition(disk: string, mountPoint: string): Disposable & { path: string } {
  execFileSync('addpart', [disk, '1', '2048', '120000']);
  execFileSync('mkfs.ext4', ['-q', '-F', `${disk}p1`]);
  mkdirSync(mountPoint);
  execFileSync('mount', [`${disk}p1`, mountPoint]);
  const path = join(mountPoint, 'file');
  const file = openSync(path, 'w');
  writeSync(file, Buffer.alloc(fileBytes, 1));
  fsyncSync(file);
  closeSync(file);
  return {
    path,
    [Symbol.dispose]() {
      execFileSync('umount', [mountPoint]);
      execFileSync('delpart', [disk, '1']);
    },
  };
}

test("what was read of a file shows in its partition's trace, saved and imported", async () => {
  const folder = mkdtempSync('/var/tmp/blkscope-partition-');
  try {
    using loop = loopDevice(64);
    using file = fileOnPartition(loop.path, join(folder, 'mounted'));
    const [run, trace, imported] = ['run', 'trace', 'imported'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const read = ['dd', `if=${file.path}`, 'of=/dev/null', 'bs=1M', 'iflag=direct', 'status=none'];
    const done = async (...args: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await blkscope(args);
      assert.equal(exitCode, 0, stderr);
      return stdout;
    };
    const source = ['--source', 'ftrace', '--mount'];
    await done('record', ...source, '-d', `${loop.name}p1`, '-o', run, '--', ...read);
    await done('export', run, '--format', 'blktrace', '-o', trace);
    const summary: Summary = JSON.parse(
      await done('import', '--no-store', '--json', '--file', file.path, '-o', imported, trace),
    );
    assert.equal(summary.model?.coverage, 1);
    assert.equal(summary.model?.readBytes, fileBytes);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

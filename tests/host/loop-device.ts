// A loop device over a file on a tmpfs: as fast as a disk can be, and gone again afterwards.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

export interface LoopDevice extends Disposable {
  /** Kernel name: `loop0`. */
  name: string;
  path: string;
  /** Detaches it now; what is being read from it fails. */
  detach(): void;
}

export function loopDevice(mebibytes = 256): LoopDevice {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-loop-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes + 16}m`, 'blkscope-test', folder]);
  const file = join(folder, 'disk');
  execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', `count=${mebibytes}`, 'status=none']);
  const path = execFileSync('losetup', ['--show', '-f', file], { encoding: 'utf8' }).trim();
  let attached = true;
  const detach = () => {
    if (attached) execFileSync('losetup', ['-d', path]);
    attached = false;
  };
  return {
    name: basename(path),
    path,
    detach,
    [Symbol.dispose]() {
      detach();
      execFileSync('umount', ['-l', folder]);
      rmdirSync(folder);
    },
  };
}

/** fio's random 4 KiB direct reads at full speed; the arguments of a command to record. */
export function randomReads(path: string, seconds: number): string[] {
  return [
    'fio',
    '--name=random',
    `--filename=${path}`,
    '--rw=randread',
    '--bs=4k',
    '--direct=1',
    '--ioengine=libaio',
    '--iodepth=32',
    '--numjobs=2',
    '--time_based',
    `--runtime=${seconds}`,
    '--output-format=json',
  ];
}

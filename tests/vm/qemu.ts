// Starts QEMU so that nothing of it outlives the process that asked for it.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { ByteReader } from './byte-reader.js';

export interface Qemu {
  process: ChildProcess;
  toAgent: Writable;
  fromAgent: ByteReader;
  /** Descriptor of the file that holds what the kernel and QEMU say. */
  consoleLog: number;
}

/**
 * ramfs: a tmpfs root would be limited to half of the memory. The self-tests and the mitigations cost boot time and say
 * nothing here. The emulated time-stamp counter is the host's clock, so it need not be watched.
 * One processor boots, init.sh brings in the others: the kernel patches its own code most while it boots, and an
 * emulated processor that runs what another is patching now and then sees neither the old code nor the new (1 boot in 30
 * ended in an int3 that nobody owned).
 */
const KERNEL_ARGUMENTS =
  'console=ttyS0 quiet panic=-1 rootfstype=ramfs cryptomgr.notests=1 mitigations=off apparmor=0 tsc=reliable no_timer_check maxcpus=1';

/**
 * All that QEMU can emulate, but for what tells a kernel to copy and clear memory byte by byte with one instruction: that is
 * fast on real processors, and here each byte takes as long as eight do otherwise.
 */
const PROCESSOR = 'max,-erms';

/** Empty, or with what is in a file of this machine; what the guest writes is gone with it either way. */
export type Disk = ({ sizeMiB: number } | { image: string }) & {
  /** QEMU's -device that shows it to the guest, without its drive; `virtio-blk-pci` when left out. */
  device?: string;
};

export interface Machine {
  /** Uncompressed kernel image with a PVH entry. */
  kernel: string;
  initramfs: string;
  /** Image of the disk that init.sh mounts at /usr; it comes after the others. */
  usr: string;
  cpus: number;
  memoryMiB: number;
  disks: Disk[];
  /** More processors than `cpus`, which are possible and not there. */
  possibleCpus: number;
  /** More of QEMU's -device, before the disks': a bus for them. */
  devices: string[];
  /** Time goes by instructions: each takes a nanosecond, on whichever processor. */
  counted: boolean;
  /** More words for the kernel's command line. */
  append: string;
}

/**
 * Starts QEMU on a machine; when it cannot be started, its process ends at once and the log says why.
 * None of its handles keeps this process alive.
 */
export function startQemu(machine: Machine): Qemu {
  const { kernel, initramfs, usr, cpus, possibleCpus, memoryMiB, devices, disks, counted, append } = machine;
  const consoleLog = namelessFile(0);
  const diskFiles = disks.map((disk) =>
    'image' in disk ? openSync(disk.image, 'r') : namelessFile(disk.sizeMiB * 1024 * 1024),
  );
  const accelerator = counted
    ? ['-accel', 'tcg,thread=single', '-icount', 'shift=0,sleep=off']
    : ['-accel', 'tcg,thread=multi'];
  // biome-ignore format: one device a line
  const args = [
    '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
    '-machine', 'q35', ...accelerator, '-cpu', PROCESSOR, '-smp', `${cpus},maxcpus=${possibleCpus}`, '-m', `${memoryMiB}`,
    '-kernel', kernel, '-initrd', initramfs, '-append', `${KERNEL_ARGUMENTS} ${append}`,
    '-chardev', 'file,id=console,append=on,path=/proc/self/fd/2', '-serial', 'chardev:console',
    '-chardev', 'stdio,id=agent,signal=off', '-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=agent',
    ...devices.flatMap((device) => ['-device', device]),
    ...disks.flatMap((disk, index) => [
      '-drive', `if=none,id=disk${index},format=raw,cache=unsafe,discard=unmap,${'image' in disk ? 'snapshot=on,' : ''}file=/proc/self/fd/${index + 3}`,
      '-device', `${disk.device ?? 'virtio-blk-pci'},drive=disk${index}`,
    ]),
    '-drive', `if=none,id=usr,format=raw,readonly=on,file=${usr}`, '-device', 'virtio-blk-pci,drive=usr,serial=usr',
  ];
  const qemu = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
    stdio: ['pipe', 'pipe', consoleLog, ...diskFiles],
  });
  for (const file of diskFiles) closeSync(file);
  const [stdin, stdout] = [qemu.stdin as Socket, qemu.stdout as Socket];
  stdin.on('error', () => {}); // QEMU's end is seen by its exit
  for (const handle of [qemu, stdin, stdout]) handle.unref();
  return { process: qemu, toAgent: stdin, fromAgent: new ByteReader(stdout), consoleLog };
}

/** A sparse file that only its descriptor leads to: nothing to clean up, whatever happens. */
function namelessFile(bytes: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-guest-'));
  try {
    const file = openSync(join(folder, 'file'), 'a+');
    ftruncateSync(file, bytes);
    return file;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

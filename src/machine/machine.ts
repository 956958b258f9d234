import { readFileSync } from 'node:fs';
import { cpus, hostname, release, version } from 'node:os';
import { join } from 'node:path';
import { kernelText } from '../files/kernel-text.js';
import { queueFolder } from '../memory/readahead.js';
import { native } from '../native/binding.js';
import { type ReclaimConfig, reclaimConfig } from './reclaim.js';

/** Bytes from /proc/meminfo. */
export interface MemoryState {
  totalBytes: number;
  availableBytes: number;
  /** The page cache: Cached and Buffers, without the shared memory that counts as Cached. */
  pageCacheBytes: number;
  swapTotalBytes: number;
  swapFreeBytes: number;
}

export function memoryState(meminfo = readFileSync('/proc/meminfo', 'utf8')): MemoryState {
  const kib = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0);
  return {
    totalBytes: kib('MemTotal') * 1024,
    availableBytes: kib('MemAvailable') * 1024,
    pageCacheBytes: (kib('Cached') + kib('Buffers') - kib('Shmem')) * 1024,
    swapTotalBytes: kib('SwapTotal') * 1024,
    swapFreeBytes: kib('SwapFree') * 1024,
  };
}

/** The machine a run was made on. */
export interface MachineConfig {
  host: string;
  kernel: string;
  kernelBuild: string;
  cpu: string;
  cpus: number;
  memoryBytes: number;
  swapBytes: number;
  /** Of a page of memory. Some older runs do not tell it. */
  pageBytes?: number;
  /** How it evicts. Some older runs do not tell it. */
  reclaim?: ReclaimConfig;
}

export function machineConfig(): MachineConfig {
  const memory = memoryState();
  const processors = cpus();
  return {
    host: hostname(),
    kernel: release(),
    kernelBuild: version(),
    cpu: processors[0]?.model ?? 'unknown',
    cpus: processors.length,
    memoryBytes: memory.totalBytes,
    swapBytes: memory.swapTotalBytes,
    pageBytes: native.pageBytes(),
    reclaim: reclaimConfig(),
  };
}

/** What decides how a disk's queue behaves; those that the kernel offers for this disk. */
const queueSettings = [
  'read_ahead_kb',
  'scheduler',
  'nr_requests',
  'max_sectors_kb',
  'max_segments',
  'logical_block_size',
  'physical_block_size',
  'optimal_io_size',
  'rotational',
  'write_cache',
  'nomerges',
  'wbt_lat_usec',
] as const;

/** A traced device as it was when tracing began. */
export interface DeviceConfig {
  /** Kernel name of a disk or a partition. */
  name: string;
  /** The kernel's number, as the trace has it: major << 20 | minor. */
  number: number;
  sectors: number | null;
  queue: Record<string, string>;
}

export function deviceConfig(name: string): DeviceConfig {
  const queue: Record<string, string> = {};
  for (const setting of queueSettings) {
    const value = kernelText(join(queueFolder(name), setting));
    if (value !== null) queue[setting] = value;
  }
  const sectors = kernelText(`/sys/class/block/${name}/size`);
  return { name, number: deviceNumber(name), sectors: sectors === null ? null : Number(sectors), queue };
}

/** null where the kernel tells of none. */
export function readAheadOf({ queue }: DeviceConfig): number | null {
  return queue.read_ahead_kb === undefined ? null : Number(queue.read_ahead_kb);
}

/**
 * Bytes that this process has had written to storage so far, as the kernel accounts for them (page cache that it
 * dirtied on a disk's file system included, tmpfs not); 0 where the kernel keeps no such account.
 */
export function bytesWrittenByUs(): number {
  return Number(/^write_bytes: (\d+)/m.exec(kernelText('/proc/self/io') ?? '')?.[1] ?? 0);
}

/** The kernel's number of a block device, as the trace has it: major << 20 | minor. */
export function deviceNumber(name: string): number {
  const [major, minor] = (kernelText(`/sys/class/block/${name}/dev`) ?? '0:0').split(':').map(Number);
  return (major as number) * 2 ** 20 + (minor as number);
}

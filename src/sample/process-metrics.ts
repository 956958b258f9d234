import { processTree, readProc } from '../workload/process-tree.js';

/** The counters of /proc/PID/io that are kept: bytes from storage, bytes by read calls, bytes to storage. */
const ioCounters = {
  read_bytes: 'workloadReadBytes',
  rchar: 'workloadReadCallBytes',
  write_bytes: 'workloadWriteBytes',
};

/**
 * I/O of a process and its living descendants, in bytes since each began; empty when it is gone.
 *
 * The kernel charges read-ahead and fault reads to the process whose access began them.
 */
export function processMetrics(pid: number): [metric: string, value: number][] {
  const texts = processTree(pid).flatMap((member) => readProc(member, 'io') ?? []);
  if (texts.length === 0) return [];
  return Object.entries(ioCounters).map(([key, metric]) => [
    metric,
    texts.reduce((sum, text) => sum + counterOf(text, key), 0),
  ]);
}

export function counterOf(text: string, key: string): number {
  return Number(new RegExp(`^${key}: (\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

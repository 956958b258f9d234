import { processTree, readProc } from '../process/process-tree.js';

/** The counters of /proc/PID/io that are kept: bytes from storage, bytes by read calls, bytes to storage. */
const ioCounters = {
  read_bytes: 'workloadReadBytes',
  rchar: 'workloadReadCallBytes',
  write_bytes: 'workloadWriteBytes',
};

/**
 * I/O of a process and its living descendants, in bytes since each began, and its CPU time; empty when it is gone.
 *
 * The kernel charges read-ahead and fault reads to the process whose access began them.
 */
export function processMetrics(pid: number): [metric: string, value: number][] {
  const tree = processTree(pid);
  const texts = tree.flatMap((member) => readProc(member, 'io') ?? []);
  if (texts.length === 0) return [];
  const io = Object.entries(ioCounters).map(([key, metric]): [string, number] => [
    metric,
    texts.reduce((sum, text) => sum + counterOf(text, key), 0),
  ]);
  const stats = tree.flatMap((member) => readProc(member, 'stat') ?? []);
  const total = (timeOf: (stat: string) => number) => stats.reduce((sum, stat) => sum + timeOf(stat), 0);
  return [...io, ['workloadUserUs', total(userUs)], ['workloadSystemUs', total(systemUs)]];
}

/** Clock ticks are a hundredth of a second on every Linux that Node runs on. */
const tickUs = 10_000;

/** CPU time in the program (utime of proc(5)). */
export function userUs(stat: string): number {
  return fieldOf(stat, 11) * tickUs;
}

/** CPU time in the kernel (stime of proc(5)). */
export function systemUs(stat: string): number {
  return fieldOf(stat, 12) * tickUs;
}

/** The second field, the name in parentheses, may hold blanks: fields are counted from behind it. */
function fieldOf(stat: string, index: number): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[index]);
}

export function counterOf(text: string, key: string): number {
  return Number(new RegExp(`^${key}: (\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

import { readdirSync } from 'node:fs';
import { ownChildren } from '../process/launch.js';
import { processTree, readProc } from '../process/process-tree.js';

/** The counters of /proc/PID/io that are kept: bytes from storage, bytes by read calls, bytes to storage. */
const ioCounters = {
  read_bytes: 'workloadReadBytes',
  rchar: 'workloadReadCallBytes',
  write_bytes: 'workloadWriteBytes',
};

/**
 * I/O of a process and its living descendants, in bytes since each began, its CPU time and its memory; empty when it is gone.
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
  const sumOf = (us: (stat: string) => number) => stats.reduce((sum, stat) => sum + us(stat), 0);
  return [
    ...io,
    ['workloadSystemUs', sumOf(systemUs)],
    ['workloadUserUs', sumOf(userUs)],
    ['workloadAnonBytes', tree.reduce((sum, member) => sum + anonBytes(member), 0)],
  ];
}

/** A thread of a process, by the name of its folder below /proc. */
function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `${pid}/task/${thread}`);
  } catch {
    return []; // gone meanwhile
  }
}

interface Waited {
  waitUs: number;
  switches: number;
}

/**
 * What threads waited and lost, added up look by look: threads end, and with them go the kernel's own sums. Threads of a
 * workload wait for each other at every layer, so that of each look the one that waited most holds up all.
 */
export class ThreadWaits {
  #before: ReadonlyMap<string, Waited> = new Map();
  #waitUs = 0;
  #switches = 0;
  #counted = false;

  /** The sums so far, of a process and its descendants. */
  look(pid: number): [metric: string, value: number][] {
    let most = 0;
    const all = new Map<string, Waited>(); // without those that have ended
    for (const thread of processTree(pid).flatMap(threadsOf)) {
      const wait = readProc(thread, 'schedstat')?.split(' ')[1];
      const now = {
        waitUs: Number(wait ?? 0) / 1e3,
        switches: counterOf(readProc(thread, 'status') ?? '', 'nonvoluntary_ctxt_switches'),
      };
      if (wait !== undefined) this.#counted = true;
      const was = this.#before.get(thread) ?? { waitUs: 0, switches: 0 };
      most = Math.max(most, now.waitUs - was.waitUs);
      this.#switches += Math.max(0, now.switches - was.switches);
      all.set(thread, now);
    }
    this.#before = all;
    this.#waitUs += most;
    const waited: [string, number][] = this.#counted ? [['workloadRunDelayUs', this.#waitUs]] : [];
    return [...waited, ['workloadInvoluntarySwitches', this.#switches]];
  }
}

function anonBytes(pid: number): number {
  return counterOf(readProc(pid, 'status') ?? '', 'RssAnon') * 1024;
}

/**
 * CPU time and memory of this process and of those it runs for itself, and what they had read from storage: blkscope's own
 * part in what the machine did. A process that streams a model reads nearly all of it.
 */
export function ownMetrics(): [metric: string, value: number][] {
  const own = [process.pid, ...ownChildren()];
  const { user, system } = process.cpuUsage(); // in us, where /proc counts by ticks
  const children = ownChildren().flatMap((pid) => readProc(pid, 'stat') ?? []);
  return [
    ['ownCpuUs', children.reduce((sum, stat) => sum + userUs(stat) + systemUs(stat), user + system)],
    ['ownAnonBytes', own.reduce((sum, pid) => sum + anonBytes(pid), 0)],
    ['ownReadBytes', ownReadBytes()],
  ];
}

/** Thread by thread: what the kernel counts for the whole process has the reads of a workload in it once that has ended. */
function ownReadBytes(): number {
  return [...threadsOf(process.pid), ...ownChildren()].reduce<number>(
    (sum, path) => sum + counterOf(readProc(path, 'io') ?? '', 'read_bytes'),
    0,
  );
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
  return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

import { readdirSync } from 'node:fs';
import { processTree, readProc } from './process-tree.js';

/** Memory of a workload's processes together at one moment, in bytes. */
export interface ProcessMemory {
  /** Anonymous memory, what is swapped out of it included: heap, caches, and weights that were copied. */
  anonBytes: number;
  /** Pages of mapped files that are in memory and mapped now. */
  fileBytes: number;
  /** Locked into memory (VmLck), mapped files included. */
  lockedBytes: number;
  /** Highest resident size so far (VmHWM). */
  peakBytes: number;
}

/** null when the process is gone. Costs a few hundred microseconds. */
export function processMemory(pid: number): ProcessMemory | null {
  const statuses = processTree(pid)
    .map((member) => readProc(member, 'status'))
    .filter((status) => status !== null);
  if (statuses.length === 0) return null;
  const sum = (field: string) => statuses.reduce((total, status) => total + statusBytes(status, field), 0);
  return {
    anonBytes: sum('RssAnon') + sum('VmSwap'),
    fileBytes: sum('RssFile'),
    lockedBytes: sum('VmLck'),
    peakBytes: sum('VmHWM'),
  };
}

/**
 * A field of /proc/PID/status that is given in kB; 0 where it is missing, as for a process that is ending.
 */
export function statusBytes(status: string, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

/**
 * Bytes that all children that this process has waited for, and theirs, had read from storage; null where the kernel does
 * not count it. The kernel charges a read, readahead too, to the thread whose access began it.
 *
 * As for faults, the difference over a workload's life is its exact count. What the kernel adds up for a process is that of
 * its threads and of its ended children; the rest after the threads is the children's.
 */
export function readBytesOfEndedChildren(): number | null {
  const all = readBytesIn(readProc('self', 'io'));
  if (all === null) return null;
  const threads = readdirSync('/proc/self/task').map((id) => readBytesIn(readProc('self', `task/${id}/io`)));
  return all - threads.reduce((sum: number, bytes) => sum + (bytes ?? 0), 0);
}

function readBytesIn(io: string | null): number | null {
  const bytes = /^read_bytes: (\d+)/m.exec(io ?? '')?.[1];
  return bytes === undefined ? null : Number(bytes);
}

export interface ChildFaults {
  minor: number;
  major: number;
}

/**
 * Page faults of all children that this process has waited for, and of theirs (cminflt and cmajflt in
 * proc(5)).
 *
 * The difference over a workload's life is its exact count; what a look at the workload itself finds lacks
 * the end.
 */
export function faultsOfEndedChildren(): ChildFaults {
  const stat = readProc('self', 'stat') ?? '';
  // The second field, the name in parentheses, may hold blanks: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { minor: Number(fields[8]), major: Number(fields[10]) };
}

import { readdirSync, readlinkSync } from 'node:fs';
import { processTree, readProc } from './process-tree.js';

/** What /proc tells of a process that somebody else has started. */
export interface ProcessFacts {
  /** Of the process: that of a thread is another. */
  pid: number;
  /** When it was made, in clock ticks since boot: a process id may be given away anew, this with it is not. */
  startTicks: string;
  argv: string[];
  environment: Record<string, string>;
  /** Its working directory; null: not ours to look at. */
  workingDirectory: string | null;
}

/** null when there is no such process, or it has ended. Kernel threads have no `argv`. */
export function processFacts(id: number): ProcessFacts | null {
  const pid = Number(/^Tgid:\s+(\d+)/m.exec(readProc(id, 'status') ?? '')?.[1] ?? id);
  const startTicks = startTicksOf(pid);
  if (startTicks === null) return null;
  return {
    pid,
    startTicks,
    argv: listIn(readProc(pid, 'cmdline')),
    environment: Object.fromEntries(
      listIn(readProc(pid, 'environ')).map((entry) => {
        const end = entry.indexOf('=');
        return end < 0 ? [entry, ''] : [entry.slice(0, end), entry.slice(end + 1)];
      }),
    ),
    workingDirectory: linkOf(`/proc/${pid}/cwd`),
  };
}

/** Whether it is still the same process, and runs. */
export function stillRuns({ pid, startTicks }: Pick<ProcessFacts, 'pid' | 'startTicks'>): boolean {
  return startTicksOf(pid) === startTicks;
}

/** What the kernel has counted for a process and its descendants, those that have ended included. */
export interface ProcessCounters {
  minorFaults: number;
  majorFaults: number;
  /** Bytes from storage; null: not counted. */
  readBytes: number | null;
}

/** null when the process is gone. */
export function processCounters(pid: number): ProcessCounters | null {
  const tree = processTree(pid);
  const stats = tree.flatMap((member) => readProc(member, 'stat') ?? []).map(statFields);
  if (stats.length === 0) return null;
  const sum = (...fields: number[]) =>
    stats.reduce((total, stat) => fields.reduce((inner, field) => inner + Number(stat[field]), total), 0);
  const reads = tree.flatMap((member) => /^read_bytes: (\d+)/m.exec(readProc(member, 'io') ?? '')?.[1] ?? []);
  return {
    minorFaults: sum(7, 8),
    majorFaults: sum(9, 10),
    readBytes: reads.length === 0 ? null : reads.reduce((total, bytes) => total + Number(bytes), 0),
  };
}

/** A file that a process writes, and where it stands open. */
export interface WrittenFile {
  /** Below /proc/PID/fd: also for a file that has no name any more. */
  descriptor: string;
  path: string;
}

const accessMode = 3; // O_ACCMODE
const writeOnly = 1; // O_WRONLY

/** What a process and its descendants hold open to write alone, such as logs and redirected output; each path once. */
export function writtenFiles(pid: number): WrittenFile[] {
  const found = new Map<string, WrittenFile>();
  for (const member of processTree(pid)) {
    for (const name of namesIn(`/proc/${member}/fd`)) {
      const flags = /^flags:\s*([0-7]+)/m.exec(readProc(member, `fdinfo/${name}`) ?? '')?.[1] ?? '0';
      const descriptor = `/proc/${member}/fd/${name}`;
      const path = linkOf(descriptor);
      if (path?.startsWith('/') && (Number.parseInt(flags, 8) & accessMode) === writeOnly)
        found.set(path, { descriptor, path });
    }
  }
  return [...found.values()].filter(({ path }) => !/^\/(proc|sys|dev)\//.test(path));
}

function startTicksOf(pid: number): string | null {
  const stat = readProc(pid, 'stat');
  if (stat === null) return null;
  const [state, ...rest] = statFields(stat);
  return state === 'Z' || state === 'X' ? null : (rest[18] ?? null);
}

/** The fields behind the name, which may hold blanks: the state first. */
function statFields(stat: string): string[] {
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
}

function listIn(text: string | null): string[] {
  return (text ?? '').split('\0').filter((word, at, all) => at < all.length - 1 || word !== '');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // gone meanwhile, or not ours to look at
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { processTree, readProc } from './process-tree.js';

/** A regular file that a workload mapped or held open. */
export interface OpenedFile {
  path: string;
  /** Size of the file in bytes. */
  bytes: number;
  /** Bytes of it that were mapped, each page counted once per mapping; 0 for a file that was only open. */
  mappedBytes: number;
  /** Some of it is mapped as code: a program or library, never a model. */
  executable: boolean;
  /** At least `largeFileBytes`, and not code: taken for a model or data file whose reads are worth a section. */
  large: boolean;
}

/** 64 MiB: above what programs open beside their data (tables, caches, fonts), below any model worth the study. */
export const largeFileBytes = 64 * 2 ** 20;

/**
 * The regular files that a process and its descendants map or hold open now, largest first.
 *
 * Reads /proc/PID/maps and /proc/PID/fd: what is opened and closed between two looks is not seen.
 */
export function openedFiles(pid: number): OpenedFile[] {
  const found = new Map<string, OpenedFile>();
  for (const member of processTree(pid)) {
    for (const file of [...mappedFiles(member), ...filesBehindDescriptors(member)]) addFile(found, file);
  }
  return [...found.values()].sort((a, b) => b.bytes - a.bytes);
}

/** What was seen in several looks, together. */
export function mergeOpenedFiles(before: OpenedFile[], now: OpenedFile[]): OpenedFile[] {
  const merged = new Map<string, OpenedFile>();
  for (const file of [...before, ...now]) {
    const known = merged.get(file.path);
    merged.set(file.path, known ? joined(known, file, Math.max(known.mappedBytes, file.mappedBytes)) : file);
  }
  return [...merged.values()].sort((a, b) => b.bytes - a.bytes);
}

function addFile(found: Map<string, OpenedFile>, file: OpenedFile): void {
  const known = found.get(file.path);
  found.set(file.path, known ? joined(known, file, known.mappedBytes + file.mappedBytes) : file);
}

function joined(a: OpenedFile, b: OpenedFile, mappedBytes: number): OpenedFile {
  const executable = a.executable || b.executable;
  return { ...b, mappedBytes, executable, large: !executable && b.bytes >= largeFileBytes };
}

function mappedFiles(pid: number): OpenedFile[] {
  const files: OpenedFile[] = [];
  for (const line of readProc(pid, 'maps')?.split('\n') ?? []) {
    // "7f00-7fff r--p 00000000 fd:00 1234   /path/with maybe blanks"
    const match = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ [1-9]\d*\s+(\/.*)$/.exec(line);
    if (!match) continue;
    const [, start, end, permissions, path] = match as unknown as [string, string, string, string, string];
    const length = Number(BigInt(`0x${end}`) - BigInt(`0x${start}`));
    // A newline in a path is written as an escape there.
    const file = regularFile(path.replaceAll('\\012', '\n'), length, permissions.includes('x'));
    if (file) files.push(file);
  }
  return files;
}

function filesBehindDescriptors(pid: number): OpenedFile[] {
  const files: OpenedFile[] = [];
  for (const descriptor of listDescriptors(pid)) {
    try {
      const file = regularFile(readlinkSync(`/proc/${pid}/fd/${descriptor}`), 0, false);
      if (file) files.push(file);
    } catch {
      // Closed meanwhile.
    }
  }
  return files;
}

function listDescriptors(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

/** null for what is no file on a disk: devices, pipes, kernel files, and files that have been deleted. */
function regularFile(path: string, mappedBytes: number, executable: boolean): OpenedFile | null {
  if (!path.startsWith('/') || /^\/(proc|sys|dev)\//.test(path)) return null;
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status?.isFile()) return null;
  return {
    path,
    bytes: status.size,
    mappedBytes,
    executable,
    large: !executable && status.size >= largeFileBytes,
  };
}

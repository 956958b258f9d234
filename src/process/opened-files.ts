import { constants, readdirSync, readlinkSync, statSync } from 'node:fs';
import { append } from '../extremes.js';
import { pathHere } from './other-mounts.js';
import { fileInLayer } from './overlay.js';
import { processTree, readProc } from './process-tree.js';

/** A piece of a file, in bytes. */
export interface FileRange {
  offset: number;
  bytes: number;
}

/** A regular file that a workload mapped or held open to read. */
export interface OpenedFile {
  path: string;
  /** Size of the file in bytes. */
  bytes: number;
  /** Bytes of it that were mapped, each page counted once per mapping; 0 for a file that was only open. */
  mappedBytes: number;
  /** Which bytes of it were mapped when it was last seen to be: a program may let go of what it has copied. */
  mapped: FileRange[];
  /** Held open past the page cache (O_DIRECT). */
  direct: boolean;
  /** Some of it is mapped as code: a program or library, never a model. */
  executable: boolean;
  /**
   * At least `largeFileBytes`, and not code: taken for a model or data file whose reads are worth a section.
   */
  large: boolean;
}

/**
 * 64 MiB: above what programs open beside their data (tables, caches, fonts), below any model worth the
 * study.
 */
export const largeFileBytes = 64 * 2 ** 20;

/**
 * The regular files that a process and its descendants, or other `members`, map or hold open to read now, largest first.
 *
 * Reads /proc/PID/maps and /proc/PID/fd: what is opened and closed between two looks is not seen.
 */
export function openedFiles(pid: number, members: Iterable<number> = processTree(pid)): OpenedFile[] {
  const uses = new Map<string, FileUse>();
  for (const member of members) {
    const here = pathHere(member);
    for (const [theirs, use] of [...mappings(member), ...descriptors(member)]) {
      if (!mayBeRegular(theirs)) continue;
      const path = here(theirs);
      const known = uses.get(path);
      if (known) addUse(known, use);
      else uses.set(path, use);
    }
  }
  return bySize([...uses].flatMap(([path, use]) => regularFile(path, use)));
}

/** What was seen in several looks, together. */
export function mergeOpenedFiles(before: OpenedFile[], now: OpenedFile[]): OpenedFile[] {
  const merged = new Map(before.map((file) => [file.path, file]));
  for (const file of now) {
    const { mappedBytes = 0, mapped = [], executable = false, direct = false } = merged.get(file.path) ?? {};
    const use = {
      mapped: file.mapped.length > 0 ? file.mapped : mapped,
      direct: direct || file.direct,
      mappedBytes: Math.max(mappedBytes, file.mappedBytes),
      executable: executable || file.executable,
    };
    merged.set(file.path, openedFile(file.path, file.bytes, use));
  }
  return bySize([...merged.values()]);
}

type FileUse = Pick<OpenedFile, 'mappedBytes' | 'mapped' | 'executable' | 'direct'>;

/** In place: a process may map a file in tens of thousands of pieces. */
function addUse(known: FileUse, more: FileUse): void {
  known.mappedBytes += more.mappedBytes;
  append(known.mapped, more.mapped);
  known.executable ||= more.executable;
  known.direct ||= more.direct;
}

function mappings(pid: number): [path: string, FileUse][] {
  return joinedMappings(readProc(pid, 'maps') ?? '').map(({ path, permissions, offset, bytes }) => {
    const use = { mappedBytes: bytes, mapped: [{ offset, bytes }], direct: false };
    // A newline in a path is written as an escape there.
    return [path.replaceAll('\\012', '\n'), { ...use, executable: permissions.includes('x') }];
  });
}

interface Mapping extends FileRange {
  path: string;
  permissions: string;
}

/** The files in a text of /proc/PID/maps. Neighbours that go on in the file are one: `--touches` splits a model into tens of thousands. */
export function joinedMappings(maps: string): Mapping[] {
  const found: Mapping[] = [];
  let behind = ''; // the address behind the last one
  for (const line of maps.split('\n')) {
    // "7f00-7fff r--p 00000000 fd:00 1234   /path/with maybe blanks"; memory without a file has inode 0
    const match = /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ [1-9]\d*\s+(\/.*)$/.exec(line);
    if (!match) continue;
    const [, start = '', end = '', permissions = '', at = '', path = ''] = match;
    const bytes = Number(BigInt(`0x${end}`) - BigInt(`0x${start}`));
    const offset = Number.parseInt(at, 16);
    const last = found.at(-1);
    const goesOn = last?.path === path && last.permissions === permissions && behind === start;
    if (goesOn && last.offset + last.bytes === offset) last.bytes += bytes;
    else found.push({ path, permissions, offset, bytes });
    behind = end;
  }
  return found;
}

function descriptors(pid: number): [path: string, FileUse][] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((name) => {
      const path = linkTarget(`${folder}/${name}`);
      const flags = openFlags(pid, name);
      // What is only written, such as a log, is nothing that a workload reads.
      if (!path || (flags & accessMode) === constants.O_WRONLY) return [];
      const direct = (flags & constants.O_DIRECT) !== 0;
      return [[path, { mappedBytes: 0, mapped: [], executable: false, direct }] as [string, FileUse]];
    });
  } catch {
    return []; // gone meanwhile, or not ours to look at
  }
}

/** As open(2) takes them; 0 (read only) when it was closed meanwhile. */
function openFlags(pid: number, descriptor: string): number {
  const [, flags] = /^flags:\s*([0-7]+)/m.exec(readProc(pid, `fdinfo/${descriptor}`) ?? '') ?? [];
  return Number.parseInt(flags ?? '0', 8);
}

const accessMode = 3; // O_ACCMODE

/** null: closed meanwhile. */
function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** By its name: devices, pipes and kernel files are not. */
function mayBeRegular(path: string): boolean {
  return path.startsWith('/') && !/^\/(proc|sys|dev)\//.test(path);
}

/** Nothing for what is no file on a disk: devices, pipes, kernel files, and files that have been deleted. */
function regularFile(path: string, use: FileUse): OpenedFile[] {
  try {
    const status = statSync(path);
    return status.isFile() ? [openedFile(fileInLayer(path), status.size, use)] : [];
  } catch {
    return [];
  }
}

function openedFile(path: string, bytes: number, use: FileUse): OpenedFile {
  return { path, bytes, ...use, large: !use.executable && bytes >= largeFileBytes };
}

function bySize(files: OpenedFile[]): OpenedFile[] {
  return files.sort((a, b) => b.bytes - a.bytes);
}

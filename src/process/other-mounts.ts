import { readlinkSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { readProc } from './process-tree.js';

/** Whether a process sees other mounts than we do, as in a container: its paths are not ours. */
function hasOtherMounts(pid: number): boolean {
  const mounts = link(`/proc/${pid}/ns/mnt`);
  return mounts !== null && mounts !== link('/proc/self/ns/mnt');
}

/**
 * From a path as a process has it to one by which the same file is found here: the path itself, that of the mount which it
 * came from, as folders of this machine are given to containers, or, while the process lives, one below /proc/PID/root.
 */
export function pathHere(pid: number): (path: string) => string {
  if (!hasOtherMounts(pid)) return (path) => path;
  const mounts = mountsOf(pid);
  const ours = mountsOf('self');
  const known = new Map<string, string>();
  return (path) => {
    const found = known.get(path) ?? locate(pid, path, mounts, ours);
    known.set(path, found);
    return found;
  };
}

function locate(pid: number, path: string, mounts: readonly Mount[], ours: readonly Mount[]): string {
  const inside = throughRoot(pid, path);
  const file = status(inside);
  if (!file) return inside;
  const same = (candidate: string) => {
    const other = status(candidate);
    return other?.dev === file.dev && other.ino === file.ino;
  };
  return [path, ...pathsOfMounts(path, mounts, ours)].find(same) ?? inside;
}

/** A mount: which folder of which file system is seen where. */
interface Mount {
  device: string;
  root: string;
  point: string;
}

/** Where a mount of ours shows the folder of the file system that theirs shows at `path`; the later mount hides the one before. */
function pathsOfMounts(path: string, mounts: readonly Mount[], ours: readonly Mount[]): string[] {
  const covers = ({ point }: Mount) => isBelow(point, path);
  const [mount] = mounts.filter(covers).sort((a, b) => b.point.length - a.point.length);
  if (!mount) return [];
  const inFileSystem = join(mount.root, posix.relative(mount.point, path));
  return ours
    .filter(({ device, root }) => device === mount.device && isBelow(root, inFileSystem))
    .map(({ root, point }) => join(point, posix.relative(root, inFileSystem)));
}

function isBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** `36 35 98:0 /mnt1 /mnt2 rw,noatime ...`: the device, the root, the mount point. */
function mountsOf(pid: number | 'self'): Mount[] {
  return (readProc(pid, 'mountinfo') ?? '').split('\n').flatMap((line) => {
    const [, , device, root, point] = line.split(' ').map(unescaped);
    return device && root && point ? [{ device, root, point }] : [];
  });
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}

const mostLinks = 40;

/** Links of a process lead on within its own root; followed from here, absolute ones would leave it. */
function throughRoot(pid: number, path: string): string {
  const root = `/proc/${pid}/root`;
  let done = '/';
  let rest = path.split('/').filter(Boolean);
  for (let links = 0; rest.length > 0; ) {
    const [name, ...after] = rest as [string, ...string[]];
    const next = join(done, name);
    const target = links < mostLinks ? link(root + next) : null;
    rest = target === null ? after : [...target.split('/').filter(Boolean), ...after];
    if (target === null) done = next;
    else links++;
    if (target?.startsWith('/')) done = '/';
  }
  return root + done;
}

function link(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function status(path: string) {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return null;
  }
}

import { readlinkSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { isBelow, type Mount, mountOf, mountsOf } from './mounts-seen.js';
import { layerFile } from './overlay.js';

/** Whether a process sees other mounts than we do, as in a container: its paths are not ours. */
function hasOtherMounts(pid: number): boolean {
  const mounts = link(`/proc/${pid}/ns/mnt`);
  return mounts !== null && mounts !== link('/proc/self/ns/mnt');
}

/**
 * From a path as a process has it to one by which the same file is found here: the path itself, that of the mount which it
 * came from, as folders of this machine are given to containers, that of a layer of the container's image, or, while the process lives, one below /proc/PID/root.
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
  const visible = [path, ...pathsOfMounts(path, mounts, ours)].find(same);
  return visible ?? layerFile(path, file, mounts) ?? inside;
}

/** Where a mount of ours shows the folder of the file system that theirs shows at `path`; the later mount hides the one before. */
function pathsOfMounts(path: string, mounts: readonly Mount[], ours: readonly Mount[]): string[] {
  const theirs = mountOf(path, mounts);
  if (!theirs) return [];
  const { mount, inside } = theirs;
  return ours
    .filter(({ device, root }) => device === mount.device && isBelow(root, inside))
    .map(({ root, point }) => join(point, posix.relative(root, inside)));
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

import { join, posix } from 'node:path';
import { readProc } from './process-tree.js';

/** A mount: which folder of which file system is seen where. */
export interface Mount {
  device: string;
  root: string;
  point: string;
  fileSystem: string;
  /** As the file system itself writes them, `lowerdir=/a:/b,upperdir=/c`. */
  options: string;
}

/** Of the mounts that a process sees, later ones hiding those before: `36 35 98:0 / /mnt rw - ext4 /dev/vda rw,discard`. */
export function mountsOf(pid: number | 'self'): Mount[] {
  return (readProc(pid, 'mountinfo') ?? '').split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device, root, point] = before.split(' ').map(unescaped);
    const [fileSystem = '', , options = ''] = after.split(' ').map(unescaped);
    return device && root && point ? [{ device, root, point, fileSystem, options }] : [];
  });
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}

/** The mount that shows `path`, and what the path is called within its file system; null: none. */
export function mountOf(path: string, mounts: readonly Mount[]): { mount: Mount; inside: string } | null {
  const covers = ({ point }: Mount) => isBelow(point, path);
  const mount = mounts.findLast(
    (each) =>
      covers(each) && !mounts.some((other) => covers(other) && other.point.length > each.point.length),
  );
  return mount ? { mount, inside: join(mount.root, posix.relative(mount.point, path)) } : null;
}

export function isBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

import { readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Where a file or folder is written until it is whole: beside its target, hidden, with its maker's host and process. */
export function partialPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${hostname()}.${process.pid}.partial`);
}

/** What was left in a folder by writers of this host that are gone. A folder that several hosts share is safe. */
export function leftovers(folder: string): string[] {
  return namesIn(folder)
    .filter((name) => {
      const [, pid] = /\.(\d+)\.partial$/.exec(name) ?? [];
      return name.startsWith('.') && name.endsWith(`.${hostname()}.${pid}.partial`) && !isAlive(Number(pid));
    })
    .map((name) => join(folder, name));
}

/** Removes them; returns what it removed. */
export function removeLeftovers(folder: string): string[] {
  return leftovers(folder).filter((path) => {
    try {
      rmSync(path, { recursive: true });
      return true;
    } catch {
      return false; // another session was faster, or it is not ours to remove
    }
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

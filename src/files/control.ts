import { closeSync, constants, openSync, writeSync } from 'node:fs';

/** Writes a file of the kernel's, of procfs, sysfs or a cgroup, which is there. Throws the system's error. */
export function writeControl(path: string, value: string): void {
  const fd = openSync(path, constants.O_WRONLY);
  try {
    writeSync(fd, value);
  } finally {
    closeSync(fd);
  }
}

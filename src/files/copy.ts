import { closeSync } from 'node:fs';
import { constants, copyFile } from 'node:fs/promises';
import { openToRead } from './read.js';

/**
 * Copies a file into a new one in a folder that is ours alone; a file system that can lets both share their blocks. Its
 * mode is the source's until it is moved out of there. Throws the system's error.
 */
export async function copyNew(from: string, to: string): Promise<void> {
  const source = openToRead(from, { noLink: true });
  try {
    await copyFile(`/proc/self/fd/${source}`, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } finally {
    closeSync(source);
  }
}

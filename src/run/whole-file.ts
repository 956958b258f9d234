import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { PartialFolder } from '../files/partial.js';
import { folderError } from './run-folder.js';
import { storeError } from './store-error.js';

/** Throws BlkscopeError EEXIST. */
export function refuseExistingFile(path: string): void {
  if (!existsSync(path)) return;
  throw new BlkscopeError('EEXIST', `${path} exists already; name another place with -o, or remove it`);
}

/**
 * Makes the folder that files go to, and lets `write` fill one of our own beside them with files, which it then moves to
 * their places; after a failure nothing of them is left. Throws BlkscopeError: what cannot be written.
 */
export async function writeBeside<T>(
  path: string,
  write: (partial: PartialFolder) => Promise<T>,
): Promise<T> {
  const partial = partialBeside(path);
  try {
    return await write(partial);
  } catch (error) {
    throw storeError(error, `write ${path}`);
  } finally {
    partial.discard();
  }
}

function partialBeside(path: string): PartialFolder {
  try {
    return PartialFolder.beside(path);
  } catch (error) {
    throw folderError(error, path);
  }
}

/**
 * Lets `write` fill a file that has its name only when it is whole; after a failure nothing of it is left. `replace`: in
 * the place of one that is there.
 */
export async function writeWhole(
  path: string,
  write: (partial: string) => Promise<void>,
  { replace = false } = {},
): Promise<void> {
  if (!replace) refuseExistingFile(path);
  await writeBeside(path, async (partial) => {
    const name = basename(path);
    await write(partial.file(name));
    partial.moveOut(name, resolve(path), { replace });
  });
}

import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { makeFolders } from './make-folders.js';
import { partialPath, removeLeftovers } from './partial.js';
import { folderError } from './run-folder.js';
import { storeError } from './store-error.js';

/** Makes the folder that a file goes to, and clears it of what killed exports left. Throws BlkscopeError: the file exists, or its folder cannot be made. */
export function prepareTarget(path: string): void {
  if (existsSync(path)) {
    throw new BlkscopeError('EEXIST', `${path} exists already; name another place with -o, or remove it`);
  }
  try {
    makeFolders(dirname(path));
    removeLeftovers(dirname(path));
  } catch (error) {
    throw folderError(error, path);
  }
}

/** Lets `write` fill a file that has its name only when it is whole; after a failure nothing of it is left. */
export async function writeWhole(path: string, write: (partial: string) => Promise<void>): Promise<void> {
  prepareTarget(path);
  const partial = partialPath(path);
  try {
    await write(partial);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw storeError(error, `write ${path}`);
  }
}

import { BlkscopeError } from '../errors.js';
import { Folder } from '../files/folder.js';
import { identityAt } from '../files/identity.js';

/**
 * The folder that a spool may grow into, held open: its nameless files are made while the capture goes on, by root, and must
 * not be made elsewhere by then. Throws BlkscopeError where whom it belongs to could not make files there.
 */
export function openSpoolFolder(path: string): Folder {
  const identity = identityAt(path);
  try {
    const folder = Folder.open(path, identity);
    try {
      folder.requireWritable(identity);
      return folder;
    } catch (error) {
      folder[Symbol.dispose]();
      throw error;
    }
  } catch (error) {
    const { code = 'EIO', message } = error as NodeJS.ErrnoException;
    const why = `the spool cannot use ${path}: ${reasons[code] ?? message}`;
    throw new BlkscopeError(code, why, code === 'ENOSPC' ? 'busy' : 'usage', { cause: error });
  }
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'it is no folder',
  EACCES: 'permission denied',
  EOPNOTSUPP: 'its file system has no files without a name',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { actAs, type Identity } from './identity.js';

/** O_NONBLOCK: to open a pipe that nobody writes into would wait for ever. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK;

export interface ReadOptions {
  /** Whose rights count. Default: our own. */
  identity?: Identity;
  /** Refuses a link in the file's own place. */
  noLink?: boolean;
}

/**
 * Opens a file to read; the caller closes it. Throws the system's error, or BlkscopeError NOT_A_FILE for what is no
 * regular file: a pipe, a device, a folder.
 */
export function openToRead(path: string, { identity = null, noLink = false }: ReadOptions = {}): number {
  const fd = actAs(identity, () => openSync(path, noLink ? flags | constants.O_NOFOLLOW : flags));
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new BlkscopeError('NOT_A_FILE', `${path}: not a regular file; name a file`);
}

/**
 * The text of a file that somebody wrote: of a regular one, and not of any size. Throws the system's error, or
 * BlkscopeError NOT_A_FILE, TOO_LARGE.
 */
export function readText(path: string, mostBytes: number, options: ReadOptions = {}): string {
  return readOwned(path, mostBytes, options).text;
}

/** The same, with the user whom the file that was read belongs to. */
export function readOwned(
  path: string,
  mostBytes: number,
  options: ReadOptions = {},
): { text: string; uid: number } {
  const fd = openToRead(path, options);
  try {
    const { size, uid } = fstatSync(fd);
    if (size > mostBytes) {
      throw new BlkscopeError(
        'TOO_LARGE',
        `${path}: ${size} bytes; a file of this kind has at most ${mostBytes}`,
      );
    }
    const buffer = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const got = readSync(fd, buffer, length, size - length, length);
      if (got === 0) break;
      length += got;
    }
    return { text: buffer.toString('utf8', 0, length), uid };
  } finally {
    closeSync(fd);
  }
}

/** Opens a file to read, whatever its kind, and closes it. Throws the system's error. */
export function tryToOpen(path: string): void {
  closeSync(openSync(path, flags));
}

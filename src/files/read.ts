import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { sudoCaller } from './caller.js';
import { actAs, asCaller, type Identity } from './identity.js';

/** Names a file without opening it, which Node knows no flag for: to open a device may be to start what it does. */
const toName = 0o10_000_000;

/** O_NONBLOCK: what has become a pipe that nobody writes into would be waited for. */
const toRead = constants.O_RDONLY | constants.O_NONBLOCK;

export interface ReadOptions {
  /** Whose rights count; null: our own. Default: those of who called sudo. */
  identity?: Identity;
  /** Refuses a link in the file's own place. */
  noLink?: boolean;
}

/**
 * Opens a file to read; the caller closes it. Throws the system's error, or BlkscopeError NOT_A_FILE for what is no
 * regular file: a pipe, a device, a folder.
 */
export function openToRead(
  path: string,
  { identity = sudoCaller(), noLink = false }: ReadOptions = {},
): number {
  return actAs(identity, () => {
    const named = openSync(path, noLink ? toName | constants.O_NOFOLLOW : toName);
    try {
      const status = fstatSync(named);
      if (status.isFile()) return openNamed(named, path);
      const kind = status.isSymbolicLink() ? 'a link, and no file' : 'not a regular file';
      throw new BlkscopeError('NOT_A_FILE', `${path}: ${kind}; name a file`);
    } finally {
      closeSync(named);
    }
  });
}

function openNamed(named: number, path: string): number {
  const self = `/proc/self/fd/${named}`;
  try {
    return openSync(self, toRead);
  } catch (error) {
    const { message } = error as Error;
    throw Object.assign(error as Error, { path, message: message.replace(self, path) });
  }
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

/** Whether who called sudo finds something there. access(2), which existsSync asks, answers root in his stead. */
export function callerFinds(path: string): boolean {
  try {
    return asCaller(() => statSync(path, { throwIfNoEntry: false })) !== undefined;
  } catch {
    return false;
  }
}

/** Opens a file to read, whatever its kind, and closes it. Throws the system's error. */
export function tryToOpen(path: string): void {
  closeSync(openSync(path, toRead));
}

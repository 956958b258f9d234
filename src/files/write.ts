import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, renameSync, rmdirSync, rmSync, write, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { Folder } from './folder.js';
import { actAs, type Identity, identityAt } from './identity.js';

const toMake = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Writes a file that is not there yet, with our own rights. Throws the system's error. */
export function writeNew(path: string, content: string | Uint8Array): void {
  const fd = openSync(path, toMake, 0o666);
  try {
    writeAllSync(fd, Buffer.from(content));
  } finally {
    closeSync(fd);
  }
}

/** Writes a small file in somebody's folder, with the rights that count there, in the place of what was there. */
export function replaceFile(path: string, text: string): void {
  const identity = identityAt(dirname(path));
  using folder = Folder.make(dirname(path), identity);
  const partial = `.${randomBytes(8).toString('hex')}`;
  actAs(identity, () => {
    writeNew(folder.at(partial), text);
    renameSync(folder.at(partial), folder.at(basename(path)));
  });
}

/** Makes a folder and those above it where they are missing, with the rights that count there. Throws the system's error. */
export function makeFolders(path: string): void {
  Folder.make(path, identityAt(path))[Symbol.dispose]();
}

/** O_NONBLOCK: a pipe that nobody reads is refused, and not waited for. */
const toAppend =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a file to append to, with the rights that count there; the caller closes it. Throws the system's error. */
export function openToAppend(path: string): number {
  return actAs(identityAt(path), () => openSync(path, toAppend, 0o666));
}

/** Removes one of our own files, as far as it is there: one in a folder that is ours alone. */
export function removeOwn(path: string): void {
  rmSync(path, { force: true });
}

/** Removes a file in somebody's folder, with the rights that count there. */
export function removeIn(path: string): void {
  const identity = identityAt(dirname(path));
  actAs(identity, () => rmSync(path, { force: true }));
}

/** A folder, and those above it below `outside`, as far as nothing is in them; with these rights. */
export function removeEmptyFolders(path: string, outside: string, identity: Identity): void {
  actAs(identity, () => {
    try {
      for (let at = path; at !== outside; at = dirname(at)) rmdirSync(at);
    } catch {
      // something is in it, or it was not made
    }
  });
}

/** Gives a file another name in its folder, with the rights that count there. Throws the system's error. */
export function renameIn(path: string, name: string): void {
  const identity = identityAt(dirname(path));
  using folder = Folder.open(dirname(path), identity);
  actAs(identity, () => renameSync(folder.at(basename(path)), folder.at(name)));
}

const writeSome = promisify(write);

/** Writes all of the bytes at a position of an open file. */
export async function writeAll(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await writeSome(fd, bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function writeAllSync(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, fstatSync, read } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { BlkscopeError } from '../errors.js';
import { systemPath } from '../files/caller.js';
import { identityAt } from '../files/identity.js';
import { PartialFile } from '../files/partial.js';
import { openToRead } from '../files/read.js';
import { writeAll } from '../files/write.js';
import { formatSize } from '../memory/size.js';
import { folderError } from '../run/run-folder.js';

/** How a copy is waited for. */
export interface DefragmentOptions {
  /** Told how far it is, of the file's bytes. */
  onProgress?: (copiedBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

const chunkBytes = 8 * 2 ** 20;

/**
 * Copies a file into space that is allocated all at once beforehand, which a file system gives in as few pieces as
 * its free space has. The copy appears under its name when it is whole and on the disk. It belongs to whom its place
 * belongs, who must have the right to read the file, and has none of the file's own modes.
 *
 * Throws BlkscopeError: EEXIST (the copy is there already), ENOSPC, system codes; the signal's reason when aborted.
 */
export async function copyContiguously(
  from: string,
  to: string,
  { onProgress = () => {}, signal }: DefragmentOptions = {},
): Promise<void> {
  if (existsSync(to)) throw new BlkscopeError('EEXIST', `${to} exists already; name a new file for the copy`);
  const source = openSource(from, to);
  try {
    const { size } = fstatSync(source);
    await requireSpace(to, size);
    const target = PartialFile.beside(to);
    try {
      allocate(target.fd, size);
      await copyBytes(source, target.fd, size, onProgress, signal);
      await target.publishOnDisk(basename(to));
    } finally {
      target.discard();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw folderError(error, to);
  } finally {
    closeSync(source);
  }
}

/** With the rights of who gets the copy: root's must not give him what he may not read. */
function openSource(from: string, to: string): number {
  try {
    return openToRead(from, { identity: identityAt(dirname(to)) });
  } catch (error) {
    const { code = 'EIO', message } = error as NodeJS.ErrnoException;
    if (error instanceof BlkscopeError) throw error;
    const reason = code === 'EACCES' ? 'whom the copy would belong to may not read it' : message;
    throw new BlkscopeError(code, `${from}: cannot be copied: ${reason}`, 'usage', { cause: error });
  }
}

async function requireSpace(to: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(to));
  if (bavail * bsize >= bytes) return;
  throw new BlkscopeError(
    'ENOSPC',
    `${to}: the copy takes ${formatSize(bytes)}, ${formatSize(bavail * bsize)} are free there; name another place`,
    'busy',
  );
}

/** A file system without fallocate, or a machine without the program, leaves the layout to the writing itself. */
function allocate(fd: number, bytes: number): void {
  if (bytes === 0) return;
  try {
    execFileSync('fallocate', ['--length', String(bytes), '/proc/self/fd/3'], {
      env: { PATH: systemPath() },
      stdio: ['ignore', 'ignore', 'ignore', fd],
    });
  } catch {}
}

const readSome = promisify(read);

async function copyBytes(
  source: number,
  target: number,
  size: number,
  onProgress: NonNullable<DefragmentOptions['onProgress']>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let position = 0; position < size; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await readSome(source, buffer, 0, chunkBytes, position);
    if (bytesRead === 0)
      throw new BlkscopeError('SHRANK', 'the file became shorter while it was copied', 'busy');
    await writeAll(target, buffer.subarray(0, bytesRead), position);
    position += bytesRead;
    onProgress(position, size);
  }
}

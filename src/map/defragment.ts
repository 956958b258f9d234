import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { formatSize } from '../memory/size.js';
import { folderError } from '../run/run-folder.js';

export interface DefragmentOptions {
  onProgress?: (copiedBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

const chunkBytes = 8 * 2 ** 20;

/**
 * Copies a file into space that is allocated all at once beforehand, which a file system gives in as few pieces as
 * its free space has. The copy appears under its name when it is whole and on the disk.
 *
 * Throws BlkscopeError: EEXIST (the copy is there already), ENOSPC, system codes; the signal's reason when aborted.
 */
export async function copyContiguously(
  from: string,
  to: string,
  { onProgress = () => {}, signal }: DefragmentOptions = {},
): Promise<void> {
  if (existsSync(to)) throw new BlkscopeError('EEXIST', `${to} exists already; name a new file for the copy`);
  const partial = `${to}.partial-${process.pid}`;
  try {
    const { size, mode } = await stat(from);
    await requireSpace(to, size);
    await using source = await open(from, 'r');
    await using target = await open(partial, 'wx', mode);
    allocate(partial, size);
    await copyBytes(source, target, size, onProgress, signal);
    await target.sync();
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { force: true });
    signal?.throwIfAborted();
    throw folderError(error, to);
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
function allocate(path: string, bytes: number): void {
  if (bytes === 0) return;
  try {
    execFileSync('fallocate', ['--length', String(bytes), path], { stdio: 'ignore' });
  } catch {}
}

async function copyBytes(
  source: FileHandle,
  target: FileHandle,
  size: number,
  onProgress: NonNullable<DefragmentOptions['onProgress']>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let position = 0; position < size; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await source.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0)
      throw new BlkscopeError('SHRANK', 'the file became shorter while it was copied', 'busy');
    for (let done = 0; done < bytesRead; ) {
      done += (await target.write(buffer, done, bytesRead - done, position + done)).bytesWritten;
    }
    position += bytesRead;
    onProgress(position, size);
  }
}

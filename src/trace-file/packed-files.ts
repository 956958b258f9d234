import { closeSync, createReadStream, existsSync, readdirSync, readSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { append } from '../extremes.js';
import { openToRead } from '../files/read.js';
import { native } from '../native/binding.js';
import type { NativeDefect, NativeImportOptions } from '../native/trace.js';

type Traces = NativeImportOptions['traces'];

/**
 * The traces that paths name, with those that gzip packed unpacked on their way into the importer, through a pipe each:
 * BASE where there is BASE.blktrace.N.gz, such a file for all of its trace, and any other packed file of records.
 *
 * `defects` takes what cannot be unpacked; what came before it is read.
 */
export function unpackedTraces(paths: readonly string[], defects: NativeDefect[]): Traces {
  const packed = new Map<string, string>(); // by device and inode, so that a file named twice is unpacked once
  const plain: Traces = [];
  for (const path of paths) {
    const gz = packedFilesOf(path);
    for (const file of gz) {
      const { dev, ino } = statSync(file);
      if (!packed.has(`${dev}:${ino}`)) packed.set(`${dev}:${ino}`, file);
    }
    if (gz.length === 0) plain.push({ path });
    // Of a trace's files some may be packed and others not.
    else if (cpuBase(path) !== null || !existsSync(path)) append(plain, plainFilesOf(cpuBase(path) ?? path));
  }
  return [...plain, ...[...packed.values()].map((path) => ({ path, descriptor: unpack(path, defects) }))];
}

function packedFilesOf(path: string): string[] {
  if (path === '-') return [];
  const base = cpuBase(path) ?? (existsSync(path) ? null : path);
  if (base === null) return isPacked(path) ? [path] : [];
  const plain = new Set(plainFilesOf(base).map((file) => file.path));
  return cpuFiles(base).filter((file) => file.endsWith('.gz') && !plain.has(file.slice(0, -3)));
}

function plainFilesOf(base: string): Traces {
  return cpuFiles(base)
    .filter((file) => !file.endsWith('.gz'))
    .map((path) => ({ path }));
}

/** BASE of BASE.blktrace.N and BASE.blktrace.N.gz; null: another name. */
function cpuBase(path: string): string | null {
  return /^(.+)\.blktrace\.\d{1,5}(\.gz)?$/.exec(path)?.[1] ?? null;
}

function cpuFiles(base: string): string[] {
  const folder = dirname(base);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => cpuBase(path) === join(folder, basename(base)));
}

/** By gzip's magic number: a name says less. */
function isPacked(path: string): boolean {
  if (!statSync(path).isFile()) return false;
  const file = openToRead(path);
  try {
    const start = Buffer.alloc(2);
    return readSync(file, start) === 2 && start.readUInt16BE() === 0x1f8b;
  } catch {
    return false; // why it cannot be read is told when it is
  } finally {
    closeSync(file);
  }
}

/** Starts to unpack a file into a pipe and returns the end to read from. */
function unpack(path: string, defects: NativeDefect[]): number {
  const [reader, writer] = native.openPipe();
  const pipe = new Socket({ fd: writer, readable: false, writable: true });
  const file = createReadStream('', { fd: openToRead(path) });
  const gunzip = createGunzip();
  let bytes = 0;
  const fail = (error: Error) => {
    defects.push({ code: 'READ_FAILED', values: { file: path, offset: bytes, reason: error.message } });
    pipe.end();
  };
  file.on('error', (error) => gunzip.destroy(error)).pipe(gunzip);
  gunzip
    .on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (!pipe.write(chunk)) gunzip.pause();
    })
    .on('end', () => pipe.end())
    .on('error', fail);
  pipe
    .on('drain', () => gunzip.resume())
    // The importer has ended before the file did.
    .on('error', () => {
      file.destroy();
      gunzip.destroy();
    });
  return reader;
}

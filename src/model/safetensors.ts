import { closeSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BlkscopeError, whyUnreadable } from '../errors.js';
import { openToRead, readText } from '../files/read.js';
import { namesInCache } from './hub-cache.js';

/** A file of safetensors and where its weights begin, in bytes. */
export interface SafetensorsFile {
  path: string;
  bytes: number;
  /** Eight bytes of length, and the list of tensors. */
  metadataBytes: number;
  tensors: SafetensorsTensor[];
}

/** As a file lists it: `offset` in bytes from the file's start, the shape as PyTorch has it, a row's length last. */
export interface SafetensorsTensor {
  name: string;
  type: string;
  shape: number[];
  offset: number;
  bytes: number;
}

/** The format's own limit of the list, which its library refuses beyond. */
const mostHeaderBytes = 100_000_000;

/** Whether a file begins as one of safetensors, whatever its name; false for what cannot be read. */
export function isSafetensors(path: string): boolean {
  try {
    const status = statSync(path);
    if (!status.isFile()) return false;
    const [length, start] = beginning(path);
    return length >= 2 && length <= Math.min(mostHeaderBytes, status.size - 8) && /^\{\s*["}]/.test(start);
  } catch {
    return false;
  }
}

/**
 * Reads the list of tensors in a file, sorted by their place.
 *
 * @throws BlkscopeError TRUNCATED_SAFETENSORS, DAMAGED_SAFETENSORS; the system's code.
 */
export function readSafetensorsFile(path: string): SafetensorsFile {
  const bytes = sizeOf(path);
  if (bytes < 8)
    throw broken(path, `it has ${bytes} bytes, and its list of tensors begins behind the eighth`, true);
  const [length] = beginning(path);
  if (length > mostHeaderBytes)
    throw broken(
      path,
      `its first eight bytes say that the list of tensors takes ${length} bytes, and the format allows ${mostHeaderBytes}`,
    );
  if (8 + length > bytes)
    throw broken(path, `its list of tensors would take ${length} bytes, and ${bytes - 8} follow`, true);
  const tensors = Object.entries(listIn(path, length))
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => tensorOf(path, name, entry, 8 + length))
    .sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = 8 + length;
  for (const tensor of tensors) {
    if (tensor.offset < end && tensor.bytes > 0)
      throw broken(path, `${quoted(tensor.name)} begins inside what lies before it`);
    end = Math.max(end, tensor.offset + tensor.bytes);
  }
  if (end > bytes) throw broken(path, `it has ${bytes} bytes and lists weights up to byte ${end}`, true);
  return { path, bytes, metadataBytes: 8 + length, tensors };
}

/**
 * The files of the model of which `path` is one: those that an index beside it names (model.safetensors.index.json), in the
 * order of their names, else this one alone. A blob of Hugging Face's cache is found by the names that the cache gives it.
 *
 * @throws BlkscopeError SPLIT_PART_MISSING: the index names a file that is not there.
 */
export function safetensorsFiles(path: string): string[] {
  for (const name of [path, ...namesInCache(path)]) {
    const shards = shardsBeside(name);
    if (shards === null) continue;
    // Named by its blob, all are: /proc names files so.
    const asBlobs = name !== path;
    return shards.map((shard) => {
      const file = join(dirname(name), shard);
      try {
        const real = realpathSync(file);
        return asBlobs ? real : file;
      } catch {
        throw new BlkscopeError(
          'SPLIT_PART_MISSING',
          `${path} is one of ${shards.length} files, and ${shard}, which the index beside it names, is not there; keep all of them in one folder`,
        );
      }
    });
  }
  return [path];
}

/** What config.json beside a model says; null: there is none that can be read. */
export function configBeside(path: string): Record<string, unknown> | null {
  for (const name of [path, ...namesInCache(path)]) {
    const config = objectIn(join(dirname(name), 'config.json'));
    if (config) return config;
  }
  return null;
}

/** Files of safetensors in a folder, as its index or their names tell: what a program that is given the folder loads. */
export function safetensorsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.safetensors'))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** The names in the index that lists this file; null: no index does. */
function shardsBeside(path: string): string[] | null {
  const folder = dirname(path);
  const indexes = namesIn(folder).filter((name) => name.endsWith('.safetensors.index.json'));
  for (const index of indexes) {
    const map = objectIn(join(folder, index))?.weight_map;
    if (typeof map !== 'object' || map === null) continue;
    const shards = [...new Set(Object.values(map))].filter((name) => typeof name === 'string').sort();
    // A name is a file of this folder: no other is followed.
    if (shards.includes(basename(path)) && shards.every((name) => basename(name) === name)) return shards;
  }
  return null;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** An index of a model of a trillion weights has 100 MB at most; more is none. */
const mostJsonBytes = 512 * 2 ** 20;

function objectIn(path: string): Record<string, unknown> | null {
  try {
    const found: unknown = JSON.parse(readText(path, mostJsonBytes));
    return isObject(found) ? found : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The length that a file states of its list, and how that begins. */
function beginning(path: string): [length: number, start: string] {
  const start = readAt(path, 0, 32);
  return [start.length < 8 ? 0 : Number(start.readBigUInt64LE(0)), start.toString('utf8', 8)];
}

function listIn(path: string, length: number): Record<string, unknown> {
  let list: unknown;
  try {
    list = JSON.parse(readAt(path, 8, length).toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw broken(path, 'its list of tensors is no JSON');
  }
  if (!isObject(list)) throw broken(path, 'its list of tensors is no object');
  return list;
}

function tensorOf(path: string, name: string, entry: unknown, dataStart: number): SafetensorsTensor {
  const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  const [from, to] = Array.isArray(offsets) ? offsets : [];
  if (
    typeof dtype !== 'string' ||
    !Array.isArray(shape) ||
    !shape.every(isCount) ||
    !isCount(from) ||
    !isCount(to)
  )
    throw broken(path, `the entry of ${quoted(name)} lacks a dtype, a shape or its data_offsets`);
  if (to < from) throw broken(path, `${quoted(name)} ends before it begins`);
  const bits = bitsOf[dtype];
  const weights = shape.reduce((product, n) => product * n, 1);
  if (bits !== undefined && Math.ceil((weights * bits) / 8) !== to - from)
    throw broken(path, `${quoted(name)} has ${weights} weights of ${dtype} and ${to - from} bytes`);
  return { name, type: dtype, shape, offset: dataStart + from, bytes: to - from };
}

/** Bits of a weight; types that are not here have the size that their offsets say. */
const bitsOf: Record<string, number> = {
  ...{ F64: 64, F32: 32, F16: 16, BF16: 16, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, C64: 64 },
  ...{ I64: 64, I32: 32, I16: 16, I8: 8, U64: 64, U32: 32, U16: 16, U8: 8, BOOL: 8 },
};

function readAt(path: string, offset: number, length: number): Buffer {
  try {
    const descriptor = openToRead(path);
    try {
      const buffer = Buffer.alloc(length);
      let filled = 0;
      while (filled < length) {
        const read = readSync(descriptor, buffer, filled, length - filled, offset + filled);
        if (read === 0) break;
        filled += read;
      }
      return buffer.subarray(0, filled);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw cannotRead(path, error);
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw cannotRead(path, error);
  }
}

function cannotRead(path: string, error: unknown): BlkscopeError {
  const { code = 'EIO' } = error as NodeJS.ErrnoException;
  const reason = whyUnreadable({ code, message: code });
  return new BlkscopeError(
    code,
    `cannot read the model ${path}: ${reason}; check its path and permissions`,
    'usage',
    {
      cause: error,
    },
  );
}

/** Names in a damaged file may be anything. */
function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}

function broken(path: string, reason: string, short = false): BlkscopeError {
  return new BlkscopeError(
    short ? 'TRUNCATED_SAFETENSORS' : 'DAMAGED_SAFETENSORS',
    `${path} is damaged or cut short: ${reason}; copy or download it again`,
  );
}

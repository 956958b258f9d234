import { closeSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseGgufShardFilename } from '@huggingface/gguf';
import { BlkscopeError, whyUnreadable } from '../errors.js';
import { asCaller } from '../files/identity.js';
import { openToRead } from '../files/read.js';
import { BrokenLayout, type GgufLayout, readGgufLayout } from './gguf-layout.js';
import { namesInCache } from './hub-cache.js';
import { isSafetensors, safetensorsFiles } from './safetensors.js';

/** One file of a model; `bytes` is its size. */
export interface ModelFile {
  path: string;
  bytes: number;
}

/** A file of a model and what its beginning says. */
export interface ReadFile extends ModelFile {
  layout: GgufLayout;
}

/**
 * The files of the model at `path`, GGUF or safetensors: the one file, or all parts of a split model, whichever part is
 * named, in order. What is no sound model is the one file.
 *
 * @throws BlkscopeError: the system's code (`ENOENT`, `EACCES`, ...), `EISDIR` for a folder.
 */
export function modelFiles(path: string): ModelFile[] {
  return asCaller(() => filesOfModel(path));
}

function filesOfModel(path: string): ModelFile[] {
  const file = fileAt(path);
  try {
    if (isSafetensors(path)) return safetensorsFiles(path).map(fileAt);
    return readModelFiles(path).map(({ path: each, bytes }) => ({ path: each, bytes }));
  } catch (error) {
    if (error instanceof BlkscopeError) return namedAlike(file);
    throw error;
  }
}

/** What is no sound model may still be named as the part of one. */
function namedAlike(file: ModelFile): ModelFile[] {
  try {
    return (partPaths(file.path) ?? [file.path]).map(fileAt);
  } catch {
    return [file];
  }
}

/** Whether a file begins as a GGUF model does, whatever its name; false for what cannot be read. */
function isGguf(path: string): boolean {
  try {
    requireMagic(fileAt(path));
    return true;
  } catch {
    return false;
  }
}

/** Whether a file begins as a model does: GGUF, or safetensors. */
export function isModelFile(path: string): boolean {
  return asCaller(() => isGguf(path) || isSafetensors(path));
}

/**
 * The same of GGUF, with their layouts. Which files belong together is what they say themselves (`split.no`, `split.count`,
 * `split.tensors.count`); their names only help to find them: the parts lie beside one another under names that tell the
 * part, or under any names, such as the hashes in Hugging Face's cache.
 *
 * @throws BlkscopeError: the system's code (`ENOENT`, `EACCES`, ...), `EISDIR` for a folder; `NOT_GGUF`,
 * `TRUNCATED_GGUF`, `DAMAGED_GGUF`; `SPLIT_PART_MISSING`, `SPLIT_MISMATCH` (parts that contradict).
 */
export function readModelFiles(path: string): ReadFile[] {
  const named = readFile(path);
  const split = splitOf(named);
  if (split === null) return namesAlone(named);
  const { no, count } = split;
  if (no >= count) throw mismatch(named, 'split.no', no, `split.count is ${count}`);
  if (count === 1) return [named];
  const found = partsByName(named) ?? partsInCache(named, count) ?? partsBeside(named, count);
  return checkedParts(found);
}

/** Reads a file's layout. Throws BlkscopeError. */
export function readFile(path: string): ReadFile {
  const file = fileAt(path);
  requireMagic(file);
  try {
    return { ...file, layout: readGgufLayout(path, file.bytes) };
  } catch (error) {
    if (error instanceof BrokenLayout) throw damaged(file, error.message, error.short);
    throw cannotRead(file.path, error);
  }
}

/** What a part says of itself: which it is, from 0, and of how many; null for a file that says nothing of parts. */
export function splitOf({ layout: { keys } }: ReadFile): { no: number; count: number } | null {
  const [no, count] = [keys.get('split.no'), keys.get('split.count')];
  if (typeof count !== 'number' || count < 1) return null;
  return { no: typeof no === 'number' ? no : 0, count };
}

/** Files that are parts of one model, in their order, as far as they are sound together. Throws BlkscopeError SPLIT_MISMATCH. */
export function checkedParts(found: readonly ReadFile[]): ReadFile[] {
  const parts = found.toSorted((a, b) => (splitOf(a)?.no ?? 0) - (splitOf(b)?.no ?? 0));
  const [first] = parts;
  const count = first && splitOf(first)?.count;
  if (!first || count === undefined) return parts;
  for (const part of found) requireNamedAlike(part);
  parts.forEach((part, index) => {
    const own = splitOf(part);
    if (own?.count !== count)
      throw mismatch(part, 'split.count', own?.count ?? 'missing', `${basename(first.path)} says ${count}`);
    if (own.no !== index) throw mismatch(part, 'split.no', own.no, `${index} is wanted in its place`);
  });
  const holders = new Map<string, ReadFile>();
  for (const part of parts) {
    for (const { name } of part.layout.tensors) {
      const other = holders.get(name);
      if (other) throw contradicting(part, `holds the tensor ${name}, and so does ${basename(other.path)}`);
      holders.set(name, part);
    }
  }
  const wrong = parts.find(({ layout }) => (tensorCount(layout) ?? holders.size) !== holders.size);
  if (wrong) {
    const counted = `the ${count} parts hold ${holders.size} tensors`;
    throw mismatch(wrong, 'split.tensors.count', tensorCount(wrong.layout) ?? 'missing', counted);
  }
  return parts;
}

function tensorCount({ keys }: GgufLayout): number | undefined {
  const count = keys.get('split.tensors.count');
  return typeof count === 'number' ? count : undefined;
}

/** What a name of the form that llama.cpp's splitter gives (NAME-00001-of-00003.gguf) tells; null for any other. */
export function nameOfPart(path: string): { prefix: string; no: number; count: number } | null {
  const split = parseGgufShardFilename(path);
  return split && { prefix: split.prefix, no: Number(split.shard) - 1, count: Number(split.total) };
}

/** A name and keys that say different things leave open which of them is wrong: refused, as llama.cpp does. */
function requireNamedAlike(part: ReadFile): void {
  const named = nameOfPart(part.path);
  if (named === null) return;
  const own = splitOf(part);
  if (own?.count !== named.count)
    throw mismatch(part, 'split.count', own?.count ?? 'missing', `its name says ${named.count}`);
  if (own.no !== named.no) throw mismatch(part, 'split.no', own.no, `its name says ${named.no} (from 0)`);
}

function partPaths(path: string): string[] | null {
  const split = parseGgufShardFilename(path);
  if (split === null) return null;
  return Array.from({ length: Number(split.total) }, (_, index) => {
    const part = String(index + 1).padStart(split.shard.length, '0');
    return `${split.prefix}-${part}-of-${split.total}.gguf`;
  });
}

/** null: its name tells nothing of other parts. */
function partsByName(named: ReadFile): ReadFile[] | null {
  requireNamedAlike(named);
  const paths = partPaths(named.path);
  return (
    paths?.map((path) => (path === named.path ? named : readPart(path, named.path, paths.length))) ?? null
  );
}

function readPart(path: string, named: string, count: number): ReadFile {
  try {
    return readFile(path);
  } catch (error) {
    if (!(error instanceof BlkscopeError) || error.code !== 'ENOENT') throw error;
    throw new BlkscopeError(
      'ENOENT',
      `cannot read the model ${path}: there is no such file; ${basename(named)} is one of ${count} parts; keep all of them in one folder`,
      'usage',
      { cause: error },
    );
  }
}

/** Parts whose names tell that they belong together, and that say nothing themselves. */
function namesAlone(named: ReadFile): ReadFile[] {
  const paths = partPaths(named.path);
  if (paths === null) return [named];
  return paths.map((path) => {
    const part = path === named.path ? named : readPart(path, named.path, paths.length);
    const own = splitOf(part);
    if (own) throw mismatch(part, 'split.count', own.count, `${basename(named.path)} has no such key`);
    return part;
  });
}

/** In Hugging Face's cache the links tell which blobs belong together. */
function partsInCache(named: ReadFile, count: number): ReadFile[] | null {
  const blob = realpathSync(named.path);
  for (const link of namesInCache(blob)) {
    const paths = partPaths(link);
    if (paths?.length !== count) continue;
    return paths.map((path) => {
      const part = readPart(path, link, count);
      return { ...part, path: dirname(named.path) === dirname(blob) ? realpathSync(path) : path };
    });
  }
  return null;
}

/** Under whatever names: the files of the same folder that say that they are the other parts. */
function partsBeside(named: ReadFile, count: number): ReadFile[] {
  const folder = dirname(named.path);
  const siblings = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => basename(path) !== basename(named.path))
    .flatMap((path) => ggufAt(path))
    .filter((each) => belong(named, each, count));
  const own = splitOf(named)?.no ?? 0;
  return Array.from({ length: count }, (_, no) => {
    if (no === own) return named;
    const candidates = siblings.filter((each) => splitOf(each)?.no === no);
    const [part, another] = candidates;
    if (part && !another) return part;
    if (!part)
      throw new BlkscopeError(
        'SPLIT_PART_MISSING',
        `${named.path} is part ${own + 1} of ${count} (its keys split.no and split.count), and no file beside it says that it is part ${no + 1}; keep all parts in one folder`,
      );
    throw new BlkscopeError(
      'SPLIT_MISMATCH',
      `${part.path} and ${basename((another as ReadFile).path)} both say that they are part ${no + 1} of ${count} (split.no ${no}): keep one model's parts in a folder, or give them names of the form NAME-00001-of-${String(count).padStart(5, '0')}.gguf`,
    );
  });
}

/** As far as two parts tell that they are of one model. */
function belong(named: ReadFile, each: ReadFile, count: number): boolean {
  const same = tensorCount(named.layout) === tensorCount(each.layout);
  return splitOf(each)?.count === count && same;
}

function ggufAt(path: string): ReadFile[] {
  try {
    return [readFile(path)];
  } catch {
    return []; // something else, or not ours to read
  }
}

function fileAt(path: string): ModelFile {
  try {
    const found = statSync(path);
    if (found.isFile()) return { path, bytes: found.size };
  } catch (error) {
    throw cannotRead(path, error);
  }
  throw new BlkscopeError(
    'EISDIR',
    `the model ${path} is not a regular file; name the .gguf or .safetensors file itself`,
  );
}

function cannotRead(path: string, error: unknown): BlkscopeError {
  const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
  const reason = whyUnreadable({ code, message: code });
  const advice = code === 'ENOENT' ? 'check the path of the model' : 'check its permissions';
  return new BlkscopeError(code, `cannot read the model ${path}: ${reason}; ${advice}`, 'usage', {
    cause: error,
  });
}

function requireMagic(file: ModelFile): void {
  const start = Buffer.alloc(8);
  let bytesRead: number;
  try {
    const descriptor = openToRead(file.path);
    try {
      bytesRead = readSync(descriptor, start, 0, start.length, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw cannotRead(file.path, error);
  }
  if (start.toString('latin1', 0, Math.min(bytesRead, 4)) !== 'GGUF') {
    throw new BlkscopeError(
      'NOT_GGUF',
      `${file.path} is neither a GGUF file (it does not begin with "GGUF") nor one of safetensors; name a model that llama.cpp can load, or convert it first`,
    );
  }
  if (bytesRead < start.length) throw truncated(file, start.length);
}

export function truncated(file: ModelFile, needed: number): BlkscopeError {
  return new BlkscopeError(
    'TRUNCATED_GGUF',
    `${file.path} is cut short: it has ${file.bytes} bytes and lists weights up to byte ${needed}; copy or download it again`,
  );
}

export function damaged(file: ModelFile, reason: string, short = false): BlkscopeError {
  const code = short ? 'TRUNCATED_GGUF' : 'DAMAGED_GGUF';
  return new BlkscopeError(
    code,
    `${file.path} is damaged or cut short: ${reason}; copy or download it again`,
  );
}

function mismatch(part: ReadFile, key: string, value: number | string, other: string): BlkscopeError {
  return contradicting(part, `${key} is ${value}, but ${other}`);
}

function contradicting(part: ReadFile, what: string): BlkscopeError {
  return new BlkscopeError(
    'SPLIT_MISMATCH',
    `${part.path}: its parts contradict: ${what}; put the parts of one model together, under the names they had`,
  );
}

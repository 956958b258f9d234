import { closeSync, readSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { asCaller } from '../files/identity.js';
import { openToRead } from '../files/read.js';
import { isModelFile, type ModelFile, modelFiles } from '../model/model-files.js';
import { safetensorsIn } from '../model/safetensors.js';
import { largeFileBytes } from '../process/opened-files.js';

/** Beside a large file this is data too; below it settings, lists and the like. */
const leastBytes = 2 ** 20;

/**
 * The files among a command's arguments, each once, with all parts of a split model: what it is going to read, most
 * likely. None unless one is large; then smaller ones of data too, but nothing beside a model, whose figures are its
 * own. A folder stands for the files of safetensors in it. `--model=PATH` counts as PATH. `folder`: where the command runs, if not
 * here; `here`: where its paths are found.
 */
export function argumentFiles(
  argv: readonly string[],
  folder?: string,
  here = (path: string) => path,
): string[] {
  return asCaller(() => filesNamed(argv, folder, here));
}

function filesNamed(
  argv: readonly string[],
  folder: string | undefined,
  here: (path: string) => string,
): string[] {
  const named = argv.slice(1).flatMap(namedBy);
  const candidates = folder === undefined ? named : named.map((path) => here(resolve(folder, path)));
  const found = withoutPrograms(candidates.flatMap(filesAt));
  // Of a model every file, however small: the first part of a split one often holds next to nothing.
  const large = found.filter(({ path, bytes }) => bytes >= largeFileBytes || isModelFile(path));
  const alone = large.length === 0 || large.some(({ path }) => isModel(path));
  const taken = alone ? large : dataFiles(found);
  return [...new Set(taken.map(({ path }) => path))];
}

/** An argument, `--option=PATH`, and lists as llama.cpp takes them for adapters: `PATH,PATH`, each with `:SCALE` or without. */
function namedBy(argument: string): string[] {
  const value = argument.replace(/^--?[\w-]+=/, '');
  const listed = value.split(',').map((each) => each.replace(/:[\d.]+$/, ''));
  return [...new Set([value, ...listed])].filter((path) => path !== '');
}

/** By its beginning, or by its name. */
function isModel(path: string): boolean {
  return isModelFile(path) || ['.gguf', '.safetensors'].includes(extname(path).toLowerCase());
}

/** None for an argument that is no file. A folder of safetensors is how programs in Python take a model. */
function filesAt(path: string): ModelFile[] {
  const inFolder = safetensorsIn(path);
  if (inFolder.length > 0) return inFolder.flatMap(filesAt);
  try {
    return modelFiles(path);
  } catch {
    return [];
  }
}

/** A program that another one starts (`sh -c '"$0"' node`) is large at times, and no data. */
function withoutPrograms(files: readonly ModelFile[]): ModelFile[] {
  return files.filter(({ path }) => (statSync(path).mode & 0o111) === 0 || !isProgram(path));
}

/** The large ones, and of the smaller ones those beside them: on another disk their reads are not traced. */
function dataFiles(files: readonly ModelFile[]): ModelFile[] {
  const device = ({ path }: ModelFile) => statSync(path).dev;
  const traced = files.filter(({ bytes }) => bytes >= largeFileBytes).map(device);
  return files.filter((file) => {
    if (file.bytes >= largeFileBytes) return true;
    const data = file.bytes >= leastBytes && traced.includes(device(file));
    return data && !isProgram(file.path);
  });
}

/** By its first bytes: an ELF file or a script. What cannot be read is left out as well. */
function isProgram(path: string): boolean {
  try {
    const file = openToRead(path);
    try {
      const start = Buffer.alloc(4);
      readSync(file, start, 0, start.length, 0);
      return start.toString('latin1') === '\x7fELF' || start.toString('latin1', 0, 2) === '#!';
    } finally {
      closeSync(file);
    }
  } catch {
    return true;
  }
}

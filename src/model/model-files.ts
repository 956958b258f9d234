import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseGgufShardFilename } from '@huggingface/gguf';
import { BlkscopeError } from '../errors.js';

/** One file of a model; `bytes` is its size. */
export interface ModelFile {
  path: string;
  bytes: number;
}

/**
 * The files of the model at `path`: the one file, or all parts of a split model (NAME-00001-of-00003.gguf), whichever
 * part is named, in order.
 *
 * @throws BlkscopeError with the system's code (`ENOENT`, `EACCES`, ...), or `EISDIR` for a folder.
 */
export async function modelFiles(path: string): Promise<ModelFile[]> {
  const paths = partPaths(path);
  return Promise.all(
    paths.map(async (each) => ({
      path: each,
      bytes: await fileSize(each, each === path ? 'check the path of the model' : missingPart(path, paths)),
    })),
  );
}

function partPaths(path: string): string[] {
  const split = parseGgufShardFilename(path);
  if (split === null) return [path];
  return Array.from({ length: Number(split.total) }, (_, index) => {
    const part = String(index + 1).padStart(split.shard.length, '0');
    return `${split.prefix}-${part}-of-${split.total}.gguf`;
  });
}

function missingPart(path: string, paths: string[]): string {
  return `${basename(path)} is one of ${paths.length} parts; keep all of them in one folder`;
}

async function fileSize(path: string, advice: string): Promise<number> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
    const reason = code === 'ENOENT' ? 'there is no such file' : code;
    throw new BlkscopeError(code, `cannot read the model ${path}: ${reason}; ${advice}`, 'usage', {
      cause: error,
    });
  }
  throw new BlkscopeError('EISDIR', `the model ${path} is not a regular file; name the .gguf file itself`);
}

import type { copyContiguously as copyFile, DefragmentOptions } from '../map/defragment.js';
import type { SynthesizeOptions, SyntheticModel } from '../model/synthesize.js';
import type { Sized } from '../options/sized.js';
import { asked } from './asked.js';

/**
 * Writes a GGUF model of random weights that llama.cpp loads and generates made-up words from: a stand-in for a real
 * model of that shape where only its size and its access pattern matter. An existing file is replaced; the file appears when it is
 * whole and on the disk. Its pages are left in the page cache.
 *
 * @throws BlkscopeError BAD_ARGUMENT, BAD_SHAPE, ENOSPC, or the system's code for the folder; the signal's reason when aborted.
 * @example
 * const { bytes } = await synthesizeModel('tiny.gguf', { preset: 'tiny-llama', seed: 7 });
 */
export async function synthesizeModel(
  path: string,
  options: Sized<SynthesizeOptions> = {},
): Promise<SyntheticModel> {
  const asks = await asked<SynthesizeOptions>('synthesizing', options, 'synthesizeModel');
  return (await import('../model/synthesize.js')).synthesizeModel(path, asks);
}

/**
 * Copies a file into space that is allocated all at once beforehand, which a file system gives in as few pieces as
 * its free space has. The copy appears under its name when it is whole and on the disk.
 *
 * @throws BlkscopeError: BAD_ARGUMENT, EEXIST (the copy is there already), ENOSPC, SHRANK, system codes; the signal's reason when aborted.
 * @example
 * await copyContiguously('model.gguf', 'model-in-one-piece.gguf');
 * console.log((await mapFile('model-in-one-piece.gguf')).fragments);
 */
export async function copyContiguously(
  from: string,
  to: string,
  options: DefragmentOptions = {},
): ReturnType<typeof copyFile> {
  const asks = await asked<DefragmentOptions>('copying', options, 'copyContiguously');
  return (await import('../map/defragment.js')).copyContiguously(from, to, asks);
}

import { modelFiles } from '../model/model-files.js';
import { largeFileBytes } from '../workload/opened-files.js';

/**
 * The large files among a command's arguments, each once, with all parts of a split model: what it is going to read,
 * most likely. `--model=PATH` counts as PATH.
 */
export async function argumentFiles(argv: readonly string[]): Promise<string[]> {
  const candidates = argv.slice(1).map((argument) => argument.replace(/^--?[\w-]+=/, ''));
  const found = await Promise.all(candidates.map((path) => modelFiles(path).catch(() => [])));
  const large = found.flat().filter(({ bytes }) => bytes >= largeFileBytes);
  return [...new Set(large.map(({ path }) => path))];
}

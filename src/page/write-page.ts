import { writeNew } from '../files/write.js';
import { writeWhole } from '../run/whole-file.js';

/** Writes a page or a figure: whole, or not at all. Throws BlkscopeError: the file exists, or cannot be written. */
export function writePage(path: string, content: string | Uint8Array): Promise<void> {
  return writeWhole(path, async (partial) => writeNew(partial, content));
}

/** The same of a page that is made anew with what it shows: an older one is replaced. */
export function renewPage(path: string, text: string): Promise<void> {
  return writeWhole(path, async (partial) => writeNew(partial, text), { replace: true });
}

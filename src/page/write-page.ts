import { rmSync, writeFileSync } from 'node:fs';
import { writeWhole } from '../run/whole-file.js';

/** Writes a page or a figure: whole, or not at all. Throws BlkscopeError: the file exists, or cannot be written. */
export function writePage(path: string, text: string): Promise<void> {
  return writeWhole(path, async (partial) => writeFileSync(partial, text));
}

/** The same of a page that is made anew with what it shows: an older one is replaced. */
export async function renewPage(path: string, text: string): Promise<void> {
  rmSync(path, { force: true });
  await writePage(path, text);
}

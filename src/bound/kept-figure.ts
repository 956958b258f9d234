import { readKept, writeKept } from './best-seen.js';

/**
 * A figure of the machine that the runs in a folder share: what `measure` gave for the same `key` in the last `validMs`, else
 * measured now. Neighbours on a shared machine move what it can do: an older figure is measured again. null is not kept.
 */
export async function keptFigure<T>(
  folder: string,
  key: string,
  validMs: number,
  measure: () => Promise<T | null>,
): Promise<T | null> {
  const known = readKept<T>(folder, key);
  if (known && known.ageMs < validMs) return known.figure;
  const figure = await measure();
  if (figure !== null) writeKept(folder, key, figure);
  return figure;
}

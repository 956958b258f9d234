import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Neighbours on a shared machine move what it can do: an older figure is measured again. */
export interface Validity<T> {
  validMs: number;
  /** false for a figure that cannot be right. */
  holds?: (figure: T) => boolean;
}

/**
 * A figure of the machine that the runs in a folder share: what `measure` gave for the same `key` while that is valid,
 * else measured now and kept there in a hidden file. null is not kept.
 */
export async function keptFigure<T>(
  folder: string,
  key: string,
  { validMs, holds = () => true }: Validity<T>,
  measure: () => Promise<T | null>,
): Promise<T | null> {
  const name = createHash('sha256').update(key).digest('hex').slice(0, 16);
  const path = join(folder, `.measured-${name}.json`);
  const known = read<T>(path, key, validMs);
  if (known !== null && holds(known)) return known;
  const figure = await measure();
  if (figure !== null) {
    const kept: Kept<T> = { key, measuredAt: new Date().toISOString(), figure };
    writeFileSync(path, `${JSON.stringify(kept, null, 2)}\n`);
  }
  return figure;
}

interface Kept<T> {
  key: string;
  measuredAt: string;
  figure: T;
}

function read<T>(path: string, key: string, validMs: number): T | null {
  if (!existsSync(path)) return null;
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Kept<T>;
    const fresh = Date.now() - Date.parse(kept.measuredAt) < validMs;
    return fresh && kept.key === key ? kept.figure : null;
  } catch {
    return null; // damaged: measured anew
  }
}

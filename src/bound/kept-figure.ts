import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Neighbours on a shared machine move what it can do: older figures are measured again. */
const validMs = 3_600_000;

/**
 * A figure of the machine that the runs in a folder share: what `measure` gave within the last hour for the same `key`,
 * else measured now and kept there in a hidden file. null is not kept. `holds`: false for a figure that cannot be right.
 */
export async function keptFigure<T>(
  folder: string,
  key: string,
  measure: () => Promise<T | null>,
  holds: (figure: T) => boolean = () => true,
): Promise<T | null> {
  const name = createHash('sha256').update(key).digest('hex').slice(0, 16);
  const path = join(folder, `.measured-${name}.json`);
  const known = read<T>(path, key);
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

function read<T>(path: string, key: string): T | null {
  if (!existsSync(path)) return null;
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Kept<T>;
    const fresh = Date.now() - Date.parse(kept.measuredAt) < validMs;
    return fresh && kept.key === key ? kept.figure : null;
  } catch {
    return null; // damaged: measured anew
  }
}

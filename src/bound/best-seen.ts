import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { partialPath } from '../run/partial.js';

interface Kept<T> {
  key: string;
  measuredAt: string;
  figure: T;
}

/** A figure that the runs in a folder share, in a hidden file beside them; null: there is none, or it is damaged. */
export function readKept<T>(folder: string, key: string): { figure: T; ageMs: number } | null {
  const path = keptPath(folder, key);
  if (!existsSync(path)) return null;
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Kept<T>;
    const ageMs = Date.now() - Date.parse(kept.measuredAt);
    return kept.key === key && Number.isFinite(ageMs) ? { figure: kept.figure, ageMs } : null;
  } catch {
    return null; // damaged: measured anew
  }
}

/** Takes the place of what was kept. Where the folder takes no file the figure is not kept: no run fails for it. */
export function writeKept<T>(folder: string, key: string, figure: T): void {
  const path = keptPath(folder, key);
  const partial = partialPath(path);
  const kept: Kept<T> = { key, measuredAt: new Date().toISOString(), figure };
  try {
    // A name that is there is never followed, neither this one nor the one that the rename replaces.
    if (lstatSync(partial, { throwIfNoEntry: false })) rmSync(partial);
    writeFileSync(partial, `${JSON.stringify(kept, null, 2)}\n`, { flag: 'wx' });
    renameSync(partial, path);
  } catch {
    rmSync(partial, { force: true });
  }
}

function keptPath(folder: string, key: string): string {
  return join(folder, `.measured-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`);
}

/** The best of a figure that the runs in a folder ever showed. It has no age: what was possible once bounds every run. */
export class BestSeen {
  readonly #folder: string;
  readonly #key: string;
  readonly #better: (a: number, b: number) => number;

  /** `best`: whether less or more of it is better. */
  constructor(folder: string, key: string, best: 'least' | 'most') {
    this.#folder = folder;
    this.#key = `${best} ${key}`;
    this.#better = best === 'least' ? Math.min : Math.max;
  }

  /** null: none was seen. */
  get value(): number | null {
    const figure = readKept<number>(this.#folder, this.#key)?.figure;
    return typeof figure === 'number' && figure > 0 ? figure : null;
  }

  /** The better of what is known and `seen`; null: nothing is known. */
  orKnown(seen: number | null): number | null {
    const known = this.value;
    return known === null || seen === null ? (known ?? seen) : this.#better(known, seen);
  }

  /** Keeps it where it is better than what is known. */
  learn(seen: number): void {
    if (!(seen > 0) || !Number.isFinite(seen)) return;
    const best = this.orKnown(seen);
    if (best !== this.value) writeKept(this.#folder, this.#key, best);
  }
}

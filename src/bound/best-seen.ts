import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { identityAt } from '../files/identity.js';
import { readText } from '../files/read.js';
import { replaceFile } from '../files/write.js';

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
    const kept = JSON.parse(
      readText(path, mostBytes, { identity: identityAt(path), noLink: true }),
    ) as Kept<T>;
    const ageMs = Date.now() - Date.parse(kept.measuredAt);
    const sound = kept.key === key && Number.isFinite(ageMs) && isFigure(kept.figure);
    return sound ? { figure: kept.figure, ageMs } : null;
  } catch {
    return null; // damaged: measured anew
  }
}

const mostBytes = 64 * 1024;

/** A number, or an object of numbers, none of them below 0: what else may stand there was not written by us. */
function isFigure(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0;
  return typeof value === 'object' && value !== null && Object.values(value).every(isFigure);
}

/** Takes the place of what was kept. Where the folder takes no file the figure is not kept: no run fails for it. */
export function writeKept<T>(folder: string, key: string, figure: T): void {
  const kept: Kept<T> = { key, measuredAt: new Date().toISOString(), figure };
  try {
    replaceFile(keptPath(folder, key), `${JSON.stringify(kept, null, 2)}\n`);
  } catch {}
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

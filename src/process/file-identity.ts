import { statSync } from 'node:fs';
import { fileInLayer } from './overlay.js';

/** What tells a file from others, whichever of its names is given; of one that is not there its name. */
export function fileIdentity(path: string): string {
  try {
    const { dev, ino } = statSync(fileInLayer(path), { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return path;
  }
}

/** Of each file the name that comes first: links to one file are that file. */
export function distinctFiles(paths: readonly string[]): string[] {
  const first = new Map<string, string>();
  for (const path of paths) {
    const identity = fileIdentity(path);
    if (!first.has(identity)) first.set(identity, path);
  }
  return [...first.values()];
}

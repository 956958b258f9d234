import { readFileSync } from 'node:fs';

/** What the kernel shows at a path below /proc or /sys, without the spaces around it; null where it shows nothing of that name. */
export function kernelText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

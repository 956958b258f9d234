import { readFileSync } from 'node:fs';

/** A swap area in use. Compressed memory (zram) takes memory itself and moves nothing to a disk. */
export interface SwapArea {
  path: string;
  bytes: number;
  zram: boolean;
}

/** The machine's swap areas, from /proc/swaps; none where the kernel has no swap. */
export function swapAreas(text = readSwaps()): SwapArea[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [path, , kib] = line.split(/\s+/);
      return path ? [{ path, bytes: Number(kib) * 1024, zram: /^\/dev\/(block\/)?zram\d/.test(path) }] : [];
    });
}

function readSwaps(): string {
  try {
    return readFileSync('/proc/swaps', 'utf8');
  } catch {
    return '';
  }
}

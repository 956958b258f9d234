import { readdirSync } from 'node:fs';
import { kernelText } from '../files/kernel-text.js';

/** A swap area in use. Compressed memory (zram) takes memory itself and moves nothing to a disk. */
export interface SwapArea {
  path: string;
  bytes: number;
  zram: boolean;
}

/** The machine's swap areas, from /proc/swaps; none where the kernel has no swap. */
export function swapAreas(text = kernelText('/proc/swaps') ?? ''): SwapArea[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [path, , kib] = line.split(/\s+/);
      return path ? [{ path, bytes: Number(kib) * 1024, zram: /^\/dev\/(block\/)?zram\d/.test(path) }] : [];
    });
}

/** Bytes that went through the machine's compressed memory since boot; null where there is none. */
export function zramTraffic(sysBlock = '/sys/block'): { readBytes: number; writtenBytes: number } | null {
  const stats = readdirSync(sysBlock)
    .filter((name) => /^zram\d/.test(name))
    .map((name) => (kernelText(`${sysBlock}/${name}/stat`) ?? '').split(/\s+/).map(Number));
  if (stats.length === 0) return null;
  // Fields 3 and 7 of a device's stat: sectors read and written.
  const bytes = (field: number) => stats.reduce((sum, fields) => sum + 512 * (fields[field] ?? 0), 0);
  return { readBytes: bytes(2), writtenBytes: bytes(6) };
}

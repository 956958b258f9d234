import { readFileSync } from 'node:fs';

/** What this processor can do, in the kernel's words: `avx2`, `amx_int8`, on ARM `asimddp`. Empty where it does not say. */
export function cpuFeatures(path = '/proc/cpuinfo'): ReadonlySet<string> {
  try {
    const [, list = ''] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync(path, 'utf8')) ?? [];
    return new Set(list.split(' ').filter(Boolean));
  } catch {
    return new Set();
  }
}

// Which sources the prebuilds were made of: so that none is packed that is older than its source.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { targets } from './zig.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}prebuilds/sources.sha256`;

/** Of all that a prebuild is made of. */
export function sourcesSum(): string {
  const native = readdirSync(`${root}native`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const sum = createHash('sha256');
  for (const path of [...native, `${root}CMakeLists.txt`, `${root}scripts/zig.ts`].sort())
    sum.update(path.slice(root.length)).update('\0').update(readFileSync(path)).update('\0');
  return sum.digest('hex');
}

export function stampPrebuilds(sum: string): void {
  writeFileSync(stamp, `${sum}\n`);
}

export const prebuilds: readonly string[] = targets.map(
  ({ folder, libc }) => `prebuilds/${folder}/blkscope.${libc}.node`,
);

/** What is missing or old, a line each. */
export function prebuildFaults(): string[] {
  const missing = prebuilds
    .flatMap((path) => [path, path.replace(/\.node$/, '.touches.so')])
    .filter((path) => !existsSync(`${root}${path}`))
    .map((path) => `${path} is missing`);
  if (missing.length > 0) return missing;
  const made = existsSync(stamp) ? readFileSync(stamp, 'utf8').trim() : '';
  return made === sourcesSum() ? [] : ['prebuilds/ was made of other sources than native/ holds now'];
}

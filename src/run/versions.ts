import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** blkscope's own version. */
export const version = (load('../../package.json') as { version: string }).version;

/** Versions of what blkscope runs on, for config.json. */
export function platformVersions(): Record<string, string | null> {
  return { blkscope: version, node: process.version, duckdb: packageVersion('@duckdb/node-api') };
}

function packageVersion(name: string): string | null {
  try {
    return (load(`${name}/package.json`) as { version: string }).version;
  } catch {
    return null;
  }
}

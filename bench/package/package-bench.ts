// How large the package is: its tarball, what it unpacks to, and the packages that it needs.
//   npm run bench:package -- [--json FILE]
// Of what is built: a checkout without prebuilds/ (npm run prebuilds) gives a tarball without them.
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { output, root } from '../programs.js';
import type { Shapes } from '../results.js';

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
});

interface Packed {
  size: number;
  unpackedSize: number;
  files: { path: string }[];
}

const [packed] = JSON.parse(output('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], root)) as [
  Packed,
];
const list = ['ls', '--omit=dev', '--omit=peer', '--all', '--parseable'];
const [, ...needed] = output('npm', list, root).trim().split('\n');

/** Bytes of a package's own files, without the packages in it. */
const bytesOf = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? bytesOf(path) : statSync(path).size;
    })
    .reduce((sum, bytes) => sum + bytes, 0);

const sum = (folders: readonly string[]) => folders.reduce((bytes, folder) => bytes + bytesOf(folder), 0);
const result: Shapes['package'] = {
  tarballBytes: packed.size,
  unpackedBytes: packed.unpackedSize,
  prebuilds: packed.files.filter(({ path }) => path.endsWith('.node')).length,
  packages: needed.length,
  packagesBytes: sum(needed),
  duckdbBytes: sum(needed.filter((folder) => folder.includes('@duckdb'))),
};
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
console.log(
  `tarball ${mib(result.tarballBytes)} with ${result.prebuilds} prebuilds, unpacked ${mib(result.unpackedBytes)}; ` +
    `${result.packages} packages ${mib(result.packagesBytes)}, of it DuckDB ${mib(result.duckdbBytes)}`,
);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);

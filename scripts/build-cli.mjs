#!/usr/bin/env node
// Joins what `blkscope` loads into few files, in dist/cli/: Node takes longer to find each of many modules than to run
// it. What a command alone needs stays in files of its own. Part of `npm run build:ts`, after the compiler.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = `${root}dist/cli/`;
const { peerDependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const isJoined = (name) => name === 'main.js' || name.startsWith('chunk-');

for (const name of readdirSync(folder)) if (name.startsWith('chunk-')) rmSync(folder + name);
const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['dist/cli/main.js'],
  outdir: 'dist/cli',
  allowOverwrite: true,
  // Flat: what a module finds by its own place (../../package.json) stands two folders above, as it does unjoined.
  entryNames: '[name]',
  chunkNames: 'chunk-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Loaded where they are installed: what has native parts, is not needed by most, or is there only if the user wants.
  external: ['@duckdb/*', 'node-gyp-build', 'terminal-kit', ...Object.keys(peerDependencies)],
  metafile: true,
  write: false,
  logLevel: 'warning',
});

// The file with esbuild's stand-in for `require`, which packages in CommonJS call, gets the real one.
const requireOfNode =
  "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);\n";
for (const { path, text } of outputFiles) {
  writeFileSync(path, text.includes('typeof require !==') ? requireOfNode + text : text);
}
for (const name of readdirSync(folder)) if (!isJoined(name)) rmSync(folder + name);
writeFileSync(`${folder}licenses.txt`, licenses(Object.keys(metafile.inputs)));

/** Of the packages whose code is joined: what their licenses ask to go along with copies of it. */
function licenses(inputs) {
  const packages = inputs.map((path) => /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  const folders = [...new Set(packages.filter((path) => path !== undefined))].sort();
  return folders
    .map((path) => `${path.slice('node_modules/'.length)}\n\n${licenseOf(root + path)}`)
    .join('\n\n');
}

function licenseOf(path) {
  const file = readdirSync(path).find((name) => /^licen[cs]e/i.test(name));
  if (file) return readFileSync(`${path}/${file}`, 'utf8').trim();
  const { license, author } = JSON.parse(readFileSync(`${path}/package.json`, 'utf8'));
  return `${license}, by ${typeof author === 'string' ? author : (author?.name ?? 'its authors')}`;
}

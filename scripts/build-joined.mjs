#!/usr/bin/env node
// Joins what runs of blkscope, with the packages it uses, into few files, in dist/joined/, and makes the package's entries
// and programs of them: Node takes longer to find each of many modules than to run it. esbuild leaves out what nobody uses
// and puts what a command or a function alone needs into files of its own; those become CommonJS, which Node loads in a
// third of the time of modules, and without a look at all that a package in CommonJS exports. Part of
// `npm run build:ts`, after the compiler.
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist/`;
const { peerDependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** What package.json's exports name: places in dist/, and from what they are made. All two folders deep, as modules are. */
const entries = {
  'api/index': 'index',
  'api/sectors': 'sectors',
  'api/store': 'store',
  'api/capture': 'capture',
};
const programs = ['cli/main', 'pin/pin-child', 'workload/embedded-child'];

// What an earlier build left: the compiler makes modules of all.
rmSync(`${dist}cli/package.json`, { force: true });
rmSync(`${dist}joined`, { recursive: true, force: true });

const fileOf = (name) => name.replace('/', '-');
const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(
    [...Object.entries(entries), ...programs.map((name) => [name, name])].map(([name, from]) => [
      fileOf(name),
      `dist/${from}.js`,
    ]),
  ),
  outdir: 'dist/joined',
  chunkNames: '[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  plugins: [exportOnly()],
  // Loaded where they are installed: what has native parts, is not needed by most, or is there only if the user wants.
  external: ['@duckdb/*', 'node-gyp-build', 'terminal-kit', ...Object.keys(peerDependencies)],
  metafile: true,
  write: false,
  logLevel: 'warning',
});

mkdirSync(`${dist}joined`);
for (const { path, text } of outputFiles) {
  writeFileSync(`${dist}joined/${basename(path, '.js')}.cjs`, await inCommonJs(text));
}
writeFileSync(`${dist}joined/licenses.txt`, licenses(Object.keys(metafile.inputs)));

const start = '#!/usr/bin/env node\n';
const load = "import { createRequire } from 'node:module';\n\n";
const required = (name) => `createRequire(import.meta.url)('../joined/${fileOf(name)}.cjs')`;
for (const name of programs) {
  writeFileSync(`${dist}${name}.js`, `${start}${load}${required(name)};\n`);
}
// The command itself starts as CommonJS: a first module costs as much as all that it loads.
writeFileSync(`${dist}cli/package.json`, '{ "type": "commonjs" }\n');
writeFileSync(`${dist}cli/main.js`, `${start}require('../joined/cli-main.cjs');\n`);
chmodSync(`${dist}cli/main.js`, 0o755);
mkdirSync(`${dist}api`, { recursive: true });
for (const name of Object.keys(entries)) {
  const names = Object.keys(createRequire(import.meta.url)(`${dist}joined/${fileOf(name)}.cjs`));
  writeFileSync(`${dist}${name}.js`, `${load}export const { ${names.join(', ')} } = ${required(name)};\n`);
}

/** A file that esbuild made, as CommonJS; what it loads later is loaded later. */
async function inCommonJs(text) {
  // Of the packages, those in CommonJS whose exports are asked for by name.
  const later = /\bimport\("(\.\/[^"]*|@duckdb\/node-api)"\)/g;
  const { code } = await transform(
    text.replace(/^#!.*\n/, '').replace(later, 'Promise.resolve().then(() => require("$1"))'),
    {
      sourcefile: 'module.mjs', // so that packages in CommonJS are as Node gives them to modules
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      define: { 'import.meta.url': 'ownUrl' },
      // Only tests, which run from the sources, come to import.meta.resolve.
      logOverride: { 'empty-import-meta': 'silent' },
      minifySyntax: true,
      minifyWhitespace: true,
    },
  );
  const linked = code.replace(/\brequire\("(\.\/[^"]*)\.js"\)/g, 'require("$1.cjs")');
  const url = "const ownUrl=require('node:url').pathToFileURL(__filename).href;";
  return linked.includes('ownUrl') ? url + linked : linked;
}

/** For packages whose modules do nothing but export, and do not say so: what is not used of them is left out. */
function exportOnly() {
  const known = {};
  return {
    name: 'export-only',
    setup({ onResolve, resolve }) {
      onResolve({ filter: /^@huggingface\// }, async ({ path, pluginData, ...from }) => {
        if (pluginData === known) return null;
        return { ...(await resolve(path, { ...from, pluginData: known })), sideEffects: false };
      });
    },
  };
}

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

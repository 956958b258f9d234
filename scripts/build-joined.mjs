#!/usr/bin/env node
// Joins what runs of blkscope, with the packages it uses, into few files, in dist/joined/, and makes the package's entries
// and programs of them: Node takes longer to find each of many modules than to run it. esbuild leaves out what nobody uses
// and puts what a command or a function alone needs into files of its own; those become CommonJS, which Node loads in a
// third of the time of modules, and without a look at all that a package in CommonJS exports. Part of
// `npm run build:ts`, after the compiler.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { joinDuckdb, loadingDuckdb } from './joined-duckdb.mjs';
import { fileOfParts, loadingLate, sharedFiles } from './joined-files.mjs';

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
/** They run beside what is traced, or in memory that is short. */
const helpersOfRuns = ['pin/pin-child', 'workload/embedded-child'];
/** Imports for the others: code that V8 was given without Node can import only with a warning. */
const importer = 'import.cjs';
const programs = ['cli/main', ...helpersOfRuns];

// What an earlier build left: the compiler makes modules of all.
rmSync(`${dist}cli/package.json`, { force: true });
rmSync(`${dist}joined`, { recursive: true, force: true });

const { withoutRoot } = await import(`${dist}cli/without-root.js`);

const nameOf = (entry) => entry.replace('/', '-');
const built = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(
    [...Object.entries(entries), ...programs.map((name) => [name, name])].map(([name, from]) => [
      nameOf(name),
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
  plugins: [exportOnly(), shapesAhead(), withoutExecutables()],
  // Loaded where they are installed: what has native parts, is not needed by most, or is there only if the user wants.
  external: ['@duckdb/*', 'node-gyp-build', 'terminal-kit', ...Object.keys(peerDependencies)],
  metafile: true,
  write: false,
  logLevel: 'warning',
});

const commonJs = {
  sourcefile: 'module.mjs', // so that packages in CommonJS are as Node gives them to modules
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  define: { 'import.meta.url': 'ownUrl' },
  // Only tests, which run from the sources, come to import.meta.resolve.
  logOverride: { 'empty-import-meta': 'silent' },
};
const short = { minify: true, target: 'node20' };
const ownExports = 'var module_exports = {};';
/** What esbuild puts before each part that exports something. */
const helpers = (await transform('export let one;', commonJs)).code.split(ownExports)[0];

/** What esbuild made, each part with what it loads. */
const parts = new Map(
  await Promise.all(
    built.outputFiles.map(async ({ path, text }) => {
      const name = basename(path, '.js');
      const { imports, inputs } = built.metafile.outputs[`dist/joined/${name}.js`];
      const loads = (kind) =>
        imports
          .filter((each) => each.kind === kind && !each.external)
          .map((each) => basename(each.path, '.js'));
      const part = {
        name,
        code: await inCommonJs(text),
        needs: loads('import-statement'),
        later: loads('dynamic-import'),
        traces: 'dist/capture/tracer.js' in inputs,
      };
      return [name, { ...part, bytes: (await transform(part.code, short)).code.length }];
    }),
  ),
);

const later = new Set([...parts.values()].flatMap((part) => part.later));
const commands = reachedFrom(['cli-main'], ({ needs, later }) => [...needs, ...later]);
const files = sharedFiles(
  new Map([...parts.values()].map(({ name, bytes }) => [name, bytes])),
  // What a command loads comes to what runs already.
  [...[...Object.keys(entries), ...programs].map(nameOf), ...later].map((name) =>
    neededBy(later.has(name) && commands.has(name) ? ['cli-main', name] : [name]),
  ),
);
const fileOf = new Map(files.flatMap((names) => names.map((name) => [name, `${names[0]}.cjs`])));

mkdirSync(`${dist}joined`);
for (const names of files) {
  const linked = names.map((name) => ({ name, code: linkedCode(parts.get(name)) }));
  // Most of a start goes by in reading code, and short names are read faster.
  const { code } = await transform(fileOfParts(linked, helpers), short);
  writeFileSync(`${dist}joined/${fileOf.get(names[0])}`, code);
}
writeFileSync(`${dist}joined/${importer}`, 'module.exports = (from) => import(from);\n');
const ofDuckdb = await joinDuckdb(root, `${dist}joined`);
writeFileSync(`${dist}joined/licenses.txt`, licenses([...Object.keys(built.metafile.inputs), ...ofDuckdb]));

const start = '#!/usr/bin/env node\n';
const load = "import { createRequire } from 'node:module';\n\n";
const joined = (name) => `('../joined/${fileOf.get(nameOf(name))}')(${JSON.stringify(nameOf(name))})`;
for (const name of programs) {
  writeFileSync(`${dist}${name}.js`, `${start}${load}createRequire(import.meta.url)${joined(name)};\n`);
}
// The command itself starts as CommonJS: a first module costs as much as all that it loads.
writeFileSync(`${dist}cli/package.json`, '{ "type": "commonjs" }\n');
writeFileSync(`${dist}cli/main.js`, start + (await startOfCommands()));
chmodSync(`${dist}cli/main.js`, 0o755);
mkdirSync(`${dist}api`, { recursive: true });
for (const name of Object.keys(entries)) {
  const all = createRequire(import.meta.url)(`${dist}joined/${fileOf.get(nameOf(name))}`)(nameOf(name));
  writeFileSync(`${dist}${name}.js`, load + moduleOf(all, `createRequire(import.meta.url)${joined(name)}`));
}

/** What the command's own file holds. */
async function startOfCommands() {
  const { code } = await transform(readFileSync(`${root}scripts/joined-start.cjs`, 'utf8'), short);
  const given = [nameOfBuild(), fileOf.get('cli-main'), importer, withoutRoot].map((each) =>
    JSON.stringify(each),
  );
  return `${code}$start(${given.join()})("cli-main");\n`;
}

/** The same for the same joined files. */
function nameOfBuild() {
  const hash = createHash('sha256');
  for (const name of readdirSync(`${dist}joined`).sort())
    hash.update(name).update(readFileSync(`${dist}joined/${name}`));
  return hash.digest('hex').slice(0, 16);
}

/** The parts that are reached from these, by what `next` gives of each. */
function reachedFrom(names, next, reached = new Set()) {
  for (const name of names) {
    if (reached.has(name)) continue;
    reached.add(name);
    reachedFrom(next(parts.get(name)), next, reached);
  }
  return reached;
}

/** All that these can come to need without loading it by itself. */
function neededBy(names) {
  return reachedFrom(names, ({ needs }) => needs);
}

/** A module of what a part exports. A function's own part runs when it is called; a value has to be there. */
function moduleOf(all, source) {
  const isClass = (name) => typeof all[name] === 'function' && /^class\b/.test(`${all[name]}`);
  const isFunction = (name) => typeof all[name] === 'function' && !isClass(name);
  const names = Object.keys(all);
  const values = names.filter((name) => !isFunction(name));
  const functions = names.filter(isFunction);
  return [
    `const all = ${source};\n`,
    values.length > 0 ? `export const { ${values.join(', ')} } = all;\n` : '',
    // They have lost theirs, which is shown where an object is printed.
    ...names.filter(isClass).map((name) => `Object.defineProperty(${name}, 'name', { value: '${name}' });\n`),
    ...functions.map((name) => `export function ${name}(...given) { return all.${name}(...given); }\n`),
  ].join('');
}

/** The code of a part with the files that it loads from. What traces loads all at once: its reads would stand in the trace. */
function linkedCode({ name, code }) {
  const isPart = (from) => from.startsWith('./');
  const partOf = (from) => basename(from, '.js');
  const from = (part) => {
    const asked = JSON.stringify(part);
    return fileOf.get(part) === fileOf.get(name)
      ? `$part(${asked})`
      : `require("./${fileOf.get(part)}")(${asked})`;
  };
  const late = loadingLate(code, (path) =>
    isPart(path) ? from(partOf(path)) : `require(${JSON.stringify(path)})`,
  );
  const linked = loadingDuckdb(late).replace(/\brequire\("(\.\/[^"]*\.js)"\)/g, (_, path) =>
    from(partOf(path)),
  );
  const forRuns = helpersOfRuns.map(nameOf).includes(name);
  const importing = forRuns
    ? linked
    : linked.replace(/\bimport\((?="[^"]*"\))/g, `require("./${importer}")(`);
  const needed = [...neededBy([name])];
  const traces = later.has(name) && needed.some((part) => parts.get(part).traces);
  const ahead = traces || forRuns ? needed.slice(1) : [];
  return `${ahead.map((part) => `${from(part)};`).join('')}${importing}`;
}

/** A part that esbuild made, as CommonJS without the helpers; what it loads later is loaded later. */
async function inCommonJs(text) {
  // Of the packages, those in CommonJS whose exports are asked for by name.
  const later = /\bimport\("(\.\/[^"]*|@duckdb\/node-api)"\)/g;
  const { code } = await transform(
    text.replace(/^#!.*\n/, '').replace(later, 'Promise.resolve().then(() => require("$1"))'),
    commonJs,
  );
  const own = code.startsWith(helpers + ownExports) ? code.slice(helpers.length) : code;
  const exporting = own.replace(
    'module.exports = __toCommonJS(module_exports)',
    'module.exports = module_exports',
  );
  const url = "const ownUrl = require('node:url').pathToFileURL(__filename).href;";
  return exporting.includes('ownUrl') ? url + exporting : exporting;
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

/** Shapes of schemas are made here, so that a reader of runs loads and sets up no schemas. */
function shapesAhead() {
  return {
    name: 'shapes-ahead',
    setup({ onLoad }) {
      onLoad({ filter: /\/dist\/(figures\/summary|run\/config)-shape\.js$/ }, async ({ path }) => {
        const made = Object.entries(await import(path));
        // Text in JSON is read faster than code.
        const texts = made.map(([name, shape]) => [name, JSON.stringify(JSON.stringify(shape))]);
        return {
          contents: texts.map(([name, text]) => `export const ${name} = JSON.parse(${text});`).join('\n'),
        };
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

/** commander can start programs for its commands, which Node takes long to load what is needed for; ours are functions. */
function withoutExecutables() {
  return {
    name: 'without-executables',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node:child_process$/ }, ({ importer, path }) =>
        importer.includes('/node_modules/commander/') ? { path, namespace: 'unused' } : null,
      );
      onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
    },
  };
}

function licenseOf(path) {
  const file = readdirSync(path).find((name) => /^licen[cs]e/i.test(name));
  if (file) return readFileSync(`${path}/${file}`, 'utf8').trim();
  const { license, author } = JSON.parse(readFileSync(`${path}/package.json`, 'utf8'));
  return `${license}, by ${typeof author === 'string' ? author : (author?.name ?? 'its authors')}`;
}

#!/usr/bin/env node
// Fails on a circle of files, on an import against the direction in which data flows between folders, on two exported types
// of one name, and where a file is made elsewhere than in the modules for it. Part of `npm test -- lint`.
//   node scripts/check-structure.mjs [ROOT]      ROOT: another tree with src/ and native/; tests try each fault in one
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';

const root = process.argv[2] ? join(process.argv[2], '/') : fileURLToPath(new URL('..', import.meta.url));

// A folder may use itself and the folders before it. A new folder gets its place here.
const sourceFolders = [
  'error-codes.ts',
  'errors.ts',
  'extremes.ts',
  'thousands.ts',
  'native',
  'files',
  'process',
  'model',
  'memory',
  'options',
  'machine',
  'sectors',
  'capture',
  'workload',
  'sample',
  'touches',
  'figures',
  'run',
  'map',
  'store',
  'heat',
  'bound',
  'pin',
  'experiment',
  'advise',
  'curve',
  'trace-file',
  'export',
  'doctor',
  'report',
  'live',
  'plot',
  'page',
  'sweep',
  'api',
  'sectors.ts',
  'capture.ts',
  'store.ts',
  'index.ts',
  'cli',
];
const nativeFolders = [
  'system',
  'preload',
  'decode',
  'source',
  'spool',
  'saved',
  'merge',
  'sectors',
  'analyse',
  'touches',
  'files',
  'memory',
  'session',
  'addon',
];

/** What each file of src/ imports of src/, types included. */
function sourceImports() {
  const files = readdirSync(`${root}src`, { recursive: true }).filter((name) => name.endsWith('.ts'));
  return Object.fromEntries(
    files.map((file) => {
      const text = readFileSync(`${root}src/${file}`, 'utf8');
      const { module } = parseSync(file, text);
      const specifiers = [
        ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
        ...module.staticExports.flatMap(({ entries }) =>
          entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
        ),
        ...module.dynamicImports.map(({ moduleRequest }) =>
          text.slice(moduleRequest.start + 1, moduleRequest.end - 1),
        ),
      ];
      const own = specifiers.filter((name) => name.startsWith('.'));
      return [file, own.map((name) => join(dirname(file), name.replace(/\.js$/, '.ts')))];
    }),
  );
}

/** What each file of native/ includes of native/. */
function nativeImports() {
  const files = readdirSync(`${root}native`, { recursive: true }).filter((name) => /\.(cc|h)$/.test(name));
  const included = /^#include "([^"]+)"/gm;
  return Object.fromEntries(
    files.map((file) => [
      file,
      [...readFileSync(`${root}native/${file}`, 'utf8').matchAll(included)].map(([, name]) => name),
    ]),
  );
}

/** The first circle that is found from each file, as a line. */
function circles(imports) {
  const done = new Set();
  const found = [];
  const visit = (file, path) => {
    if (path.includes(file))
      found.push(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
    if (done.has(file) || path.includes(file)) return;
    for (const next of imports[file] ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of Object.keys(imports)) visit(file, []);
  return found;
}

function againstTheFlow(imports, folders) {
  const place = (file) => folders.indexOf(file.split('/')[0]);
  return Object.entries(imports).flatMap(([file, used]) => {
    if (place(file) < 0) return [`${file}: its folder has no place in scripts/check-structure.mjs`];
    return used
      .filter((name) => place(name) > place(file))
      .map((name) => `against the direction of folders: ${file} uses ${name}`);
  });
}

// What is asked in one place, by what the asking looks like.
const askedOnce = [
  {
    what: 'the size of a page',
    pattern: /_SC_PAGE_?SIZE|\bgetpagesize\b|\bPAGE_SIZE\b/,
    place: 'system/page_size.h',
  },
];

function askedElsewhere() {
  return Object.keys(native).flatMap((file) => {
    const text = readFileSync(`${root}native/${file}`, 'utf8');
    return askedOnce
      .filter(({ pattern, place }) => file !== place && pattern.test(text))
      .map(({ what, place }) => `${file} asks for ${what}: take native/${place}`);
  });
}

// Root works in folders of others: src/files alone makes, changes and removes files, and sees to whose rights count.
const readers = new Set([
  ...[
    'accessSync',
    'closeSync',
    'constants',
    'createReadStream',
    'existsSync',
    'fstatSync',
    'lstatSync',
    'read',
  ],
  ...['readFileSync', 'readSync', 'readdirSync', 'readlinkSync', 'realpathSync', 'statSync', 'statfs'],
  'watch',
  'writeSync', // to a descriptor, which somebody has opened
]);
// The core's files that may make files: nameless ones, journals, and new ones in a folder of ours.
const nativeMakers = [
  'system/journal.cc',
  'system/fd.cc',
  'spool/spool.cc',
  'saved/blktrace_writer.cc',
  'saved/stream_splitter.cc',
];

// What is spread there is a few values by its nature: arguments, names of a path, partitions.
const spreadsFew = [
  'advise/simulate.ts',
  'cli/terminal-edge.ts',
  'export/parquet-dataset.ts',
  'files/identity.ts',
  'workload/llama-arguments.ts',
];

/** A hundred thousand values as arguments overflow the stack: src/extremes.ts takes any number. */
function spreadArguments() {
  return Object.keys(source)
    .filter((file) => !file.startsWith('page/client/') && !spreadsFew.includes(file))
    .filter((file) => hasSpreadCall(parseSync(file, readFileSync(`${root}src/${file}`, 'utf8')).program))
    .map((file) => `${file} spreads values into arguments: take src/extremes.ts`);
}

function hasSpreadCall(node) {
  if (typeof node !== 'object' || node === null) return false;
  if (/^(Call|New)Expression$/.test(node.type) && node.arguments.some(({ type }) => type === 'SpreadElement'))
    return true;
  return Object.values(node).some(hasSpreadCall);
}

function makersOfFiles() {
  const files = readdirSync(`${root}src`, { recursive: true }).filter((name) => name.endsWith('.ts'));
  const inSource = files
    .filter((file) => !file.startsWith('files/'))
    .flatMap((file) => {
      const text = readFileSync(`${root}src/${file}`, 'utf8');
      const { module } = parseSync(file, text);
      const imports = module.staticImports
        .filter(({ moduleRequest }) => /^(node:)?fs(\/promises)?$/.test(moduleRequest.value))
        .flatMap(({ entries }) => entries)
        .filter(({ isType, importName }) => !isType && !readers.has(importName.name))
        .map(({ importName, localName }) => importName.name ?? localName.value);
      const hidden = /(import|require|load)\(\s*['"](node:)?fs/.test(text) ? ['a hidden import'] : [];
      return [...imports, ...hidden].map((name) => `only src/files may use ${name} of node:fs: ${file}`);
    });
  const inNative = readdirSync(`${root}native`, { recursive: true })
    .filter((name) => /\.(cc|h)$/.test(name) && !nativeMakers.includes(name))
    .filter((name) => /\bO_(CREAT|TRUNC|TMPFILE)\b/.test(readFileSync(`${root}native/${name}`, 'utf8')))
    .map((name) => `native/${name} makes files: see nativeMakers in scripts/check-structure.mjs`);
  return [...inSource, ...inNative];
}

/** A name says what a type is, wherever it is read. Passing on another file's type declares none. */
function typesOfOneName() {
  const types = ['TSInterfaceDeclaration', 'TSTypeAliasDeclaration', 'TSEnumDeclaration', 'ClassDeclaration'];
  const places = new Map();
  for (const file of Object.keys(source)) {
    const { program } = parseSync(file, readFileSync(`${root}src/${file}`, 'utf8'));
    for (const { type, declaration } of program.body) {
      if (!type.startsWith('Export') || !types.includes(declaration?.type) || !declaration.id) continue;
      const { name } = declaration.id;
      places.set(name, [...(places.get(name) ?? []), file]);
    }
  }
  return [...places]
    .filter(([, files]) => files.length > 1)
    .map(([name, files]) => `two exported types of one name, ${name}: ${files.join(', ')}`);
}

const source = sourceImports();
const native = nativeImports();
const faults = [
  ...circles(source),
  ...againstTheFlow(source, sourceFolders),
  ...typesOfOneName(),
  ...circles(native),
  ...againstTheFlow(native, nativeFolders),
  ...askedElsewhere(),
  ...makersOfFiles(),
  ...spreadArguments(),
];
for (const fault of faults) console.error(`structure: ${fault}`);
if (faults.length > 0) process.exit(1);
console.log(`structure: ${Object.keys(source).length + Object.keys(native).length} files, no circle`);

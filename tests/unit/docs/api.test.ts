// The reference of the API is that of the sources, and has what a reader needs of each export.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeApiDocs } from '../../../scripts/api-docs.js';
import { errorCodes } from '../../../src/error-codes.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'blkscope-api-'));
after(() => rmSync(folder, { recursive: true }));
const kept = join(root, 'docs/api');
const texts = (path: string) =>
  readdirSync(path)
    .sort()
    .map((name) => [name, readFileSync(join(path, name), 'utf8')] as const);

const page = readFileSync(join(kept, 'index.md'), 'utf8');

/** The exports of the page: `## Functions`, `### name()` and what follows. */
const exported = page.split(/\n(?=## )/).flatMap((part) => {
  const kind = /^## (.*)/.exec(part)?.[1] ?? '';
  return part
    .split(/\n(?=### )/)
    .slice(1)
    .map((text) => ({ kind, name: /^### (\w+)/.exec(text)?.[1] ?? '', text }));
});

test('docs/api is that of the docstrings, which document every export', () => {
  assert.deepEqual(makeApiDocs(folder), []);
  assert.deepEqual(texts(kept), texts(folder), 'run npm run docs:api');
});

test('every function and class has an example', () => {
  const needed = exported.filter(({ kind }) => kind === 'Functions' || kind === 'Classes');
  assert.ok(needed.length > 50);
  assert.deepEqual(
    needed.filter(({ text }) => !text.includes('Example')).map(({ name }) => name),
    [],
  );
});

test('every code of an error that it names exists', () => {
  const told = [...page.matchAll(/BlkscopeError:? ([^\n]*)/g)].flatMap(
    ([, text = '']) => text.match(/\b[A-Z][A-Z_]{3,}\b/g) ?? [],
  );
  const others = new Set(['GGUF', 'JSON', 'YAML', 'RLIMIT_MEMLOCK']);
  const isSystems = (code: string) => /^E[A-Z]+$/.test(code);
  assert.ok(told.length > 20);
  assert.deepEqual(
    [...new Set(told)].filter((code) => !(code in errorCodes) && !others.has(code) && !isSystems(code)),
    [],
  );
});

/** What examples take as given. */
const given = `
  declare const run: Run, before: Run, after: Run, tracer: Tracer, batch: EventBatch, event: BlockEvent;
  declare const error: unknown, text: string, sweep: Sweep;
  declare function benchmark(): Promise<void>;`;

test('every example compiles', () => {
  const names = exported.filter(({ kind }) => kind !== 'References').map(({ name }) => name);
  const blocks = [...page.matchAll(/#+ Example\n\n```ts\n(.*?)\n```/gs)].map(([, code]) => code);
  assert.ok(blocks.length > 60);
  const functions = blocks.map((code, i) => `export async function example${i}() {\n${code}\n}`);
  const imports = [...new Set(names)].map((name) =>
    `type ${name}`.replace(/^type (?=[a-z]|Tracer$|SectorSet$|BlkscopeError$)/, ''),
  );
  const place = join(root, 'build/api-examples'); // within the package, whose name it imports
  mkdirSync(place, { recursive: true });
  writeFileSync(
    join(place, 'examples.ts'),
    `import { ${imports.join(', ')} } from 'blkscope';\n${given}\n${functions.join('\n')}\n`,
  );
  const options = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--lib',
    'es2023,esnext.disposable',
    '--types',
    'node',
    '--skipLibCheck',
  ];
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), ...options, 'examples.ts'],
    {
      cwd: place,
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stdout);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../../../dist/', import.meta.url));
const joined = join(dist, 'joined');

test('joined files load one another, what Node has, and the packages that are installed with them', () => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(dist, '../package.json'), 'utf8'));
  const apart = new Set([
    ...Object.keys(dependencies),
    ...Object.keys(peerDependencies),
    ...['../../package.json', 'tsx'], // tests run from the sources
  ]);
  const files = readdirSync(joined).filter((name) => name.endsWith('.cjs'));
  const others = files.flatMap((name) =>
    [
      ...readFileSync(join(joined, name), 'utf8').matchAll(
        /\b(?:require|import)\(\s*["']([^"'\s]+)["']\s*\)/g,
      ),
    ]
      .map(([, from = '']) => from)
      .filter((from) => !files.includes(from.replace('./', '')) && !isBuiltin(from) && !apart.has(from))
      .map((from) => `${name}: ${from}`),
  );
  assert.deepEqual(others, []);
});

test('the licenses of the packages that are joined go along', () => {
  const text = readFileSync(join(joined, 'licenses.txt'), 'utf8');
  for (const name of ['commander', 'zod', 'd3-scale', '@huggingface/gguf'])
    assert.ok(text.includes(`${name}\n\n`), name);
});

test('the command line runs from any folder', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(dist, 'cli/main.js'), '--version'], {
    cwd: '/',
    encoding: 'utf8',
  });
  assert.equal(status, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

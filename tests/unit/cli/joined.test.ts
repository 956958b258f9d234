import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';

const folder = fileURLToPath(new URL('../../../dist/cli/', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.js'));

/** What a joined file imports, at once or when asked for. */
function imports(name: string): string[] {
  const text = readFileSync(join(folder, name), 'utf8');
  const { module } = parseSync(name, text);
  const later = module.dynamicImports.map(({ moduleRequest: { start, end } }) =>
    text.slice(start + 1, end - 1),
  );
  return [...module.staticImports.map(({ moduleRequest }) => moduleRequest.value), ...later];
}

test('the joined command line loads its own files, those of Node, and the packages that stay apart', () => {
  const { peerDependencies } = JSON.parse(readFileSync(join(folder, '../../package.json'), 'utf8'));
  const apart = new Set([
    ...['@duckdb/node-api', '@duckdb/node-bindings', 'node-gyp-build', 'terminal-kit'],
    ...Object.keys(peerDependencies),
  ]);
  const others = files.flatMap((name) =>
    imports(name)
      .filter((from) => !/^\.\/chunk-\w+\.js$/.test(from) && !isBuiltin(from) && !apart.has(from))
      .map((from) => `${name}: ${from}`),
  );
  assert.deepEqual(others, []);
  assert.deepEqual(
    files.filter((name) => name !== 'main.js' && !name.startsWith('chunk-')),
    [],
  );
});

test('the licenses of the packages that are joined go along', () => {
  const text = readFileSync(join(folder, 'licenses.txt'), 'utf8');
  for (const name of ['commander', 'zod', 'yaml', '@huggingface/gguf'])
    assert.ok(text.includes(`${name}\n\n`), name);
});

test('the joined command line runs from any folder', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(folder, 'main.js'), '--version'], {
    cwd: '/',
    encoding: 'utf8',
  });
  assert.equal(status, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
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
  const importing = files.filter((name) => readFileSync(join(joined, name), 'utf8').includes('import('));
  assert.deepEqual(importing, ['import.cjs', 'workload-embedded-child.cjs']);
});

test('the licenses of the packages that are joined go along', () => {
  const text = readFileSync(join(joined, 'licenses.txt'), 'utf8');
  for (const name of ['commander', 'zod', 'd3-scale', '@huggingface/gguf', '@duckdb/node-api'])
    assert.ok(text.includes(`${name}\n\n`), name);
});

test('a variable of a module does not hide what joins the modules', () => {
  const script = `
    const { modelRegions, readModel, synthesizeModel } = await import('blkscope');
    const { path } = await synthesizeModel(process.argv[1], { preset: 'tiny-gpt-oss' });
    console.log(modelRegions(await readModel(path)).filter(({ role }) => role === 'experts').length);`;
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-joined-'));
  try {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', script, join(folder, 'model.gguf')],
      { cwd: join(dist, '..'), encoding: 'utf8' },
    );
    assert.ok(Number(stdout) > 0, stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the command line runs from any folder', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(dist, 'cli/main.js'), '--version'], {
    cwd: '/',
    encoding: 'utf8',
  });
  assert.equal(status, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

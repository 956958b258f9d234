// What a start costs is what is loaded: counted here, since times differ from run to run. bench/start measures them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commandList } from '../../../src/cli/commands.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const fixture = join(root, 'tests/fixtures/schema-1');
const hook = join(root, 'tests/unit/package/loaded-files.cjs');

interface Loaded {
  /** Joined files, and their size in all. */
  files: number;
  bytes: number;
  /** Files of packages and native parts. */
  others: string[];
  /** The packages whose code is in the joined files, of those that are looked for. */
  has(text: string): boolean;
}

function loadedBy(...args: string[]): Loaded {
  const { stderr, status } = spawnSync(process.execPath, ['--require', hook, ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const paths: string[] = JSON.parse(stderr.trim().split('\n').at(-1) ?? '');
  const joined = paths.filter((path) => path.includes('/dist/joined/'));
  assert.ok(joined.length > 0, 'nothing of blkscope was loaded');
  return {
    files: joined.length,
    bytes: joined.reduce((sum, path) => sum + statSync(path).size, 0),
    others: paths.filter((path) => path.includes('/node_modules/') || path.endsWith('.node')),
    has: (text) => joined.some((path) => readFileSync(path, 'utf8').includes(text)),
  };
}

const main = join(root, 'dist/cli/main.js');
const load = (name: string) => ['--input-type=module', '-e', `await import('${name}')`];

const zod = '_zod';
const commander = 'CommanderError';

test('the help of every command loads its options and nothing of its work', () => {
  for (const args of [
    ['--version'],
    ['--help'],
    ...Object.keys(commandList).map((name) => [name, '--help']),
  ]) {
    const { files, bytes, others, has } = loadedBy(main, ...args);
    assert.deepEqual(others, [], args.join(' '));
    assert.ok(!has(zod), `${args.join(' ')} loads zod`);
    assert.ok(files <= 10 && bytes <= 180_000, `${args.join(' ')} loads ${files} files, ${bytes} bytes`);
  }
});

test('a report loads neither schemas nor the native part nor the database', () => {
  const { files, bytes, others, has } = loadedBy(main, 'report', fixture);
  assert.deepEqual(others, []);
  assert.ok(!has(zod));
  assert.ok(files <= 22 && bytes <= 270_000, `${files} files, ${bytes} bytes`);
});

test('each entry of the package loads what it is for', () => {
  const most = { sectors: [4, 25_000], store: [4, 25_000], capture: [6, 50_000] } as const;
  for (const [name, [files, bytes]] of Object.entries(most)) {
    const loaded = loadedBy(...load(`blkscope/${name}`));
    assert.deepEqual(loaded.others, [], name);
    assert.ok(!loaded.has(zod), `${name} builds schemas before something is asked for`);
    assert.ok(
      loaded.files <= files && loaded.bytes <= bytes,
      `${name}: ${loaded.files} files, ${loaded.bytes} bytes`,
    );
  }
});

test('the whole API waits with what a call needs until it is called', () => {
  const { files, bytes, others, has } = loadedBy(...load('blkscope'));
  assert.deepEqual(others, []);
  assert.ok(!has(commander) && !has(zod));
  assert.ok(files <= 12 && bytes <= 120_000, `${files} files, ${bytes} bytes`);
});

test('an import that keeps no events loads neither schemas nor the database', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-start-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const trace = join(root, 'tests/fixtures/blktrace/deadline');
  const { files, bytes, others, has } = loadedBy(
    main,
    'import',
    '--no-store',
    '--json',
    '-o',
    join(folder, 'run'),
    trace,
  );
  assert.deepEqual(
    others.filter((path) => !/node-gyp-build|blkscope\.node$|package\.json$/.test(path)),
    [],
  );
  assert.ok(!has(zod));
  assert.ok(files <= 18 && bytes <= 290_000, `${files} files, ${bytes} bytes`);
});

test('what the API exports bears its name', async () => {
  const { Run, SectorSet, exportRun }: typeof import('../../../src/index.js') = await import(
    join(root, 'dist/api/index.js')
  );
  assert.deepEqual([Run.name, SectorSet.name, exportRun.name], ['Run', 'SectorSet', 'exportRun']);
});

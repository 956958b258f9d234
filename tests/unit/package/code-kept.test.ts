// What V8 has compiled for a command is kept beside the joined files, and the next start runs from it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const fixture = join(root, 'tests/fixtures/schema-1');

/** A package that nothing was run of. */
function freshPackage(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-code-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  for (const name of ['cli', 'joined'])
    cpSync(join(root, 'dist', name), join(folder, 'dist', name), { recursive: true });
  rmSync(join(folder, 'dist/joined/code'), { recursive: true, force: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function runOf(folder: string, args: readonly string[], flags: readonly string[] = []) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, join(folder, 'dist/cli/main.js'), ...args],
    { encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

/** The one file of code that is kept. */
function keptIn(folder: string): string {
  const code = join(folder, 'dist/joined/code');
  const [version = ''] = readdirSync(code);
  assert.deepEqual(readdirSync(join(code, version)), ['report']);
  return join(code, version, 'report');
}

/** Whether V8 took what was kept, by what it says of each file. */
function taken(folder: string, flags: readonly string[] = []): boolean[] {
  const hook = join(folder, 'hook.cjs');
  writeFileSync(
    hook,
    `const vm = require('node:vm');
     vm.Script = class extends vm.Script {
       constructor(...given) { super(...given); process._rawDebug(\`taken \${this.cachedDataRejected === false}\`); }
     };`,
  );
  const { status, stderr } = runOf(folder, ['report', fixture], ['--require', hook, ...flags]);
  assert.equal(status, 0, stderr);
  return [...stderr.matchAll(/^taken (\w+)$/gm)].map(([, told]) => told === 'true');
}

test('a command that has ended well leaves its code to the next one, which says the same', (t) => {
  const folder = freshPackage(t);
  const first = runOf(folder, ['report', fixture]);
  assert.equal(first.status, 0, first.stderr);
  const { mode, ino } = statSync(keptIn(folder));
  assert.equal(mode & 0o022, 0, 'others may write it');
  assert.ok(taken(folder).length > 10 && taken(folder).every(Boolean));
  assert.deepEqual(runOf(folder, ['report', fixture]), first);
  assert.equal(statSync(keptIn(folder)).ino, ino, 'what is whole is written again');
});

test('what another way through a command needs comes to what is kept', (t) => {
  const folder = freshPackage(t);
  runOf(folder, ['report', '--help']);
  const before = statSync(keptIn(folder)).size;
  runOf(folder, ['report', fixture]);
  assert.ok(statSync(keptIn(folder)).size > before);
  assert.ok(taken(folder).every(Boolean));
});

test('code of another build, of other flags of V8, or cut short is not run', (t) => {
  const folder = freshPackage(t);
  const first = runOf(folder, ['report', fixture]);
  const kept = keptIn(folder);
  assert.ok(taken(folder, ['--max-lazy']).every((each) => !each));
  assert.deepEqual(runOf(folder, ['report', fixture], ['--max-lazy']), first);

  truncateSync(kept, statSync(kept).size / 2);
  assert.deepEqual(runOf(folder, ['report', fixture]), first);

  const bytes = readFileSync(kept);
  const text = bytes.toString('latin1').replace(/"build":"./, '"build":"-');
  writeFileSync(kept, text, 'latin1');
  assert.ok(taken(folder).every((each) => !each));
  assert.ok(taken(folder).every(Boolean), 'that run kept its own');
});

test('where nothing may be written, after a failure, and of commands that need root nothing is kept', (t) => {
  const folder = freshPackage(t);
  assert.notEqual(runOf(folder, ['report', join(folder, 'nothing')]).status, 0);
  assert.equal(runOf(folder, ['doctor', '--help']).status, 0);
  assert.equal(runOf(folder, ['--version']).status, 0);
  const joined = join(folder, 'dist/joined');
  assert.ok(!readdirSync(joined).includes('code'));
  writeFileSync(join(joined, 'code'), '');
  const { status, stderr } = runOf(folder, ['report', fixture]);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.equal(statSync(join(joined, 'code')).size, 0);
});

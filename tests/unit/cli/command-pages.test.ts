import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { manPages } from '../../../scripts/man-pages.js';
import { commandPages } from '../../../src/cli/command-pages.js';
import { commandList, commands } from '../../../src/cli/commands.js';
import { blkscope } from '../../host/command-line.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-pages-'));
after(() => rmSync(folder, { recursive: true }));
const man = fileURLToPath(new URL('../../../man', import.meta.url));

before(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await blkscope(['completion', shell]);
    writeFileSync(join(folder, shell), stdout);
  }
});

test('manual pages are those of the definitions, and roff reads them without a complaint', async () => {
  const pages = await manPages();
  const stored = readdirSync(man).map((name) => [name, readFileSync(join(man, name), 'utf8')] as const);
  assert.deepEqual(new Map(stored), new Map([...pages].toSorted()), 'run npm run docs:man');
  for (const [name, text] of pages) {
    const { stderr, stdout } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-b'], {
      input: text,
      encoding: 'utf8',
    });
    assert.equal(stderr, '', name);
    assert.ok(stdout.includes('SSYY'), name); // SYNOPSIS, in bold
  }
});

test('every command has two or three examples, which use options that it has', async () => {
  for (const { name, examples, options } of await commandPages(commandList, commands)) {
    assert.ok(examples.length >= 2 && examples.length <= 3, name);
    for (const line of examples) assert.ok(line.length + 2 <= 80, `${name}: wider than a terminal: ${line}`);
    const known = new Set(options.flatMap(({ short, long }) => [short, long]));
    const used = examples.flatMap(
      (line) => (line.split(' -- ')[0] ?? '').match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [],
    );
    const own = name === 'import' ? used.filter((option) => !['-d', '-o'].includes(option)) : used;
    assert.deepEqual(
      own.filter((option) => !known.has(option)),
      [],
      name,
    );
  }
});

test('a command, its help and its options are at most two screenfuls of 54 lines', async () => {
  for (const name of Object.keys(commandList)) {
    const { stdout } = await blkscope([name, '--help'], { env: { COLUMNS: '80' } });
    assert.ok(stdout.split('\n').length <= 108, `${name}: ${stdout.split('\n').length} lines`);
    assert.deepEqual(
      stdout.split('\n').filter((line) => line.length > 80 && !/^ {2}\S/.test(line)),
      [],
      name,
    );
  }
});

/** What bash offers when TAB is typed after these words. */
function offered(...words: string[]): string[] {
  const list = words.map((word) => `'${word}'`).join(' ');
  const script = `source ${join(folder, 'bash')}; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _blkscope; echo "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split(' ').filter(Boolean);
}

test('bash completes commands, options and the values of options', () => {
  assert.deepEqual(offered('blkscope', 'com'), ['compare', 'completion']);
  assert.deepEqual(offered('blkscope', 'run', '--lim'), ['--limit']);
  assert.deepEqual(offered('blkscope', 'run', '--source', ''), ['auto', 'relay', 'ftrace']);
  assert.deepEqual(offered('blkscope', 'report', 'x'), []); // files, which bash adds
});

test('zsh and fish read what is made for them', () => {
  for (const shell of ['zsh', 'fish']) {
    const { status, stderr } = spawnSync(shell, ['-n', join(folder, shell)], { encoding: 'utf8' });
    assert.equal(status, 0, `${shell}: ${stderr}`);
  }
  const script = `source ${join(folder, 'fish')}; complete -C 'blkscope run --lim'; complete -C 'blkscope com'`;
  const told = execFileSync('fish', ['-c', script], { encoding: 'utf8' });
  assert.match(told, /^--limit\t/m);
  assert.match(told, /^compare\t/m);
});

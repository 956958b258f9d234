import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { synthesizeModel } from '../../src/model/synthesize.js';

const cli = new URL('../../dist/cli/main.js', import.meta.url).pathname;
const root = new URL('../..', import.meta.url).pathname;

/** On the disk, where a file has extents; the system's temporary folder may be a tmpfs. */
let folder: string;

before(async () => {
  folder = mkdtempSync(join(root, 'build', 'sweep-'));
  await synthesizeModel(join(folder, 'tiny.gguf'), { preset: 'tiny-llama' });
});

after(() => rmSync(folder, { recursive: true, force: true }));

const blkscope = (...args: string[]) =>
  spawnSync(process.execPath, [cli, ...args], { cwd: folder, encoding: 'utf8' });

/** All that is in a folder of runs, but the figures that they share. */
const runsIn = (name: string) =>
  readdirSync(join(folder, name))
    .filter((entry) => !entry.startsWith('.measured-'))
    .sort();

const limitGroups = () => readdirSync('/sys/fs/cgroup').filter((name) => name.startsWith('blkscope-'));

test('a sweep loses nothing to a failing run or a kill, and makes only what is missing', async () => {
  writeFileSync(
    join(folder, 'sweep.yaml'),
    'model: [missing.gguf, tiny.gguf]\nllama: embedded\ntokens: 2\nrepeat: 3\noutput: out\n',
  );
  const killed = spawn(process.execPath, [cli, 'sweep', 'sweep.yaml', '--mount'], {
    cwd: folder,
    stdio: 'ignore',
  });
  const first = join(folder, 'out/tiny-r1/summary.json');
  for (let i = 0; i < 200 && killed.exitCode === null && !existsSync(first); i++) await sleep(100);
  await sleep(300);
  const gone = once(killed, 'exit');
  assert.ok(killed.kill('SIGKILL'), 'the sweep was over before it could be killed');
  await gone;
  const made = { time: statSync(first).mtimeMs, text: readFileSync(first, 'utf8') };

  const { status, stderr, stdout } = blkscope('sweep', 'sweep.yaml', '--mount');
  assert.equal(status, 5, stderr);
  assert.match(stderr, /3 of 6 runs failed, the first with: .*missing\.gguf/);
  assert.match(stdout, /repeats +3/);
  assert.deepEqual(runsIn('out'), ['tiny-r1', 'tiny-r2', 'tiny-r3']);
  assert.deepEqual({ time: statSync(first).mtimeMs, text: readFileSync(first, 'utf8') }, made);
  assert.deepEqual(limitGroups(), []);
  assert.match(blkscope('recover').stdout, /nothing to undo/);

  const compared = blkscope('compare', 'out');
  assert.match(compared.stdout, /re-read factor/, compared.stderr);
});

test('run --repeat makes a group', () => {
  const { status, stderr, stdout } = blkscope(
    'run',
    '--model',
    'tiny.gguf',
    '--llama',
    'embedded',
    '-n',
    '2',
    '--mount',
    '--repeat',
    '2',
    '-o',
    'both',
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /repeats +2/);
  assert.deepEqual(runsIn('both'), ['both-r1', 'both-r2']);
});

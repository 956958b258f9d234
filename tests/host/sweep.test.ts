import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Tracer } from '../../src/capture/tracer.js';
import { exitCodes } from '../../src/errors.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { native } from '../../src/native/binding.js';

const cli = new URL('../../dist/cli/main.js', import.meta.url).pathname;
const root = new URL('../..', import.meta.url).pathname;

import { mountedTracefs } from './machine-state.js';

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
    .filter((entry) => !entry.startsWith('.measured-') && entry !== 'comparison.html')
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

  const page = readFileSync(join(folder, 'out/comparison.html'), 'utf8');
  assert.match(page, /re-read factor/);
  assert.ok(!page.includes('\ufffd'), 'no text of ours is taken for control characters');
  const compared = blkscope('compare', 'out');
  assert.match(compared.stdout, /re-read factor/, compared.stderr);
});

test('a sweep, or repeats, of which no run can be made ends at once with what the first is refused for', () => {
  const sweep = {
    model: ['missing.gguf', 'absent.gguf'],
    llama: 'embedded',
    tokens: 2,
    repeat: 2,
    output: 'none',
  };
  const wrong = [
    [{ ...sweep }, /missing\.gguf: there is no such file/],
    [{ ...sweep, model: 'tiny.gguf', llama: '/no/such/llama' }, /\/no\/such\/llama/],
    [
      { ...sweep, model: 'tiny.gguf', pressure: [{ limit: 1000 }, { lock: '9T' }] },
      /--limit: 1000 bytes is too small/,
    ],
  ] as const;
  for (const [file, line] of wrong) {
    writeFileSync(join(folder, 'wrong.json'), JSON.stringify(file));
    const { status, stderr } = blkscope('sweep', 'wrong.json', '--mount', '-q');
    assert.match(stderr, line);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assert.ok(status === exitCodes.usage || status === exitCodes.unsupported, `${status}: ${stderr}`);
  }
  const repeats = [
    '-m',
    'missing.gguf',
    '--llama',
    'embedded',
    '--repeat',
    '3',
    '--mount',
    '-q',
    '-o',
    'none',
  ];
  const { status, stderr } = blkscope('run', ...repeats);
  assert.deepEqual([status, stderr.trim().split('\n').length], [exitCodes.usage, 1], stderr);
  assert.ok(!existsSync(join(folder, 'none')) || runsIn('none').length === 0);
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

test('a run is repeated by its own config, and nothing else goes with it', () => {
  const { status, stderr } = blkscope('run', '--repeat-of', 'both/both-r1', '--mount', '-o', 'again');
  assert.equal(status, 0, stderr);
  const optionsOf = (run: string) =>
    (
      JSON.parse(readFileSync(join(folder, run, 'config.json'), 'utf8')) as {
        options: Record<string, unknown>;
      }
    ).options;
  const [first, again] = [optionsOf('both/both-r1'), optionsOf('again')];
  assert.equal((first.workload as { seed: number }).seed, 1, 'defaults are written out');
  assert.equal(first.model, join(folder, 'tiny.gguf'));
  const { readAheadKib, output: _, ...same } = again;
  const { output: __, ...before } = first;
  assert.deepEqual(same, before);
  assert.equal(typeof readAheadKib, 'number');
  const refused = blkscope('run', '--repeat-of', 'both/both-r1', '--tokens', '5');
  assert.equal(refused.status, exitCodes.usage);
  assert.match(refused.stderr, /--tokens would make another run of it/);
  assert.match(
    blkscope('report', 'both').stderr,
    /it holds several: name one of them, or use blkscope compare/,
  );
});

test('where another tracer is active nothing else is touched, and a sweep stops at its first run', async () => {
  using _ = mountedTracefs();
  const model = join(folder, 'tiny.gguf');
  const busy = Tracer.start({ devices: [native.fileDevice(folder).disk], source: 'ftrace' });
  try {
    await native.warmFile(model);
    const cached = () => native.pageCacheResidency(model).cachedBytes ?? Number.NaN;
    assert.ok(cached() > 0);
    const run = blkscope('run', '--model', 'tiny.gguf', '--mount', '--source', 'ftrace', '--limit', '100M');
    assert.equal(run.status, exitCodes.busy, run.stderr);
    assert.match(run.stderr, /another blkscope session traces/);
    assert.doesNotMatch(run.stderr, /evict|how fast|cgroup/);
    assert.ok(cached() > 0, 'it was not evicted');
    writeFileSync(
      join(folder, 'busy.yaml'),
      'llama: embedded\nmodel: {path: made.gguf, synthesize: demo}\nrepeat: 3\n',
    );
    const sweep = blkscope('sweep', 'busy.yaml', '--mount');
    assert.equal(sweep.status, exitCodes.busy, sweep.stderr);
    assert.equal(sweep.stderr.match(/another blkscope session/g)?.length, 1, sweep.stderr);
    assert.ok(!existsSync(join(folder, 'made.gguf')), 'no model was made for it');
  } finally {
    await busy[Symbol.asyncDispose]();
  }
});

test('a pressure that cannot be, and a readahead that cannot be, are refused before the model is evicted', async () => {
  await native.warmFile(join(folder, 'tiny.gguf'));
  for (const [option, value, code, reason] of [
    ['--lock', '900T', exitCodes.busy, /locking 900 TiB would leave less than/],
    ['--leave', '900T', exitCodes.busy, /cannot be left/],
    ['--limit', '100K', exitCodes.usage, /too small for any program/],
    ['--readahead', '99999999999', exitCodes.usage, /not a number of KiB/],
  ] as const) {
    const { status, stderr } = blkscope('run', '--model', 'tiny.gguf', '--mount', option, value);
    assert.equal(status, code, stderr);
    assert.match(stderr, reason);
    assert.doesNotMatch(stderr, /evict/);
  }
});

// What a user gets when something is wrong: one line, the documented exit code, and a machine left as it was.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../../src/errors.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { openRun } from '../../src/store/open-run.js';
import { blkscope, blkscopeAsNobody, type CommandResult } from './command-line.js';
import { machineState } from './machine-state.js';

/** /var/tmp is on a disk where /tmp may be memory. */
const folder = mkdtempSync('/var/tmp/blkscope-errors-');
const model = join(folder, 'tiny.gguf');
const notAModel = join(folder, 'letter.gguf');
const llama = fileURLToPath(new URL('../../vendor/llama/bin/llama-completion', import.meta.url));
const runs = join(folder, 'runs');

before(async () => {
  chmodSync(folder, 0o755);
  await synthesizeModel(model, { preset: 'tiny-llama' });
  writeFileSync(notAModel, 'Dear reader, this is no model.\n'.repeat(100));
});

after(() => rmSync(folder, { recursive: true }));

/** The last line is the reason; no stack is printed; the code is the documented one. */
function assertRefused(result: CommandResult, code: number, reason: RegExp): void {
  const lines = result.stderr.trimEnd().split('\n');
  assert.equal(result.exitCode, code, result.stderr);
  assert.match(lines.at(-1) as string, reason);
  assert.match(lines.at(-1) as string, /^blkscope: /);
  assert.doesNotMatch(result.stderr, /^\s+at /m, 'no stack trace');
}

const run = (...options: string[]) => ['run', '--model', model, '--mount', '-n', '4', ...options];

describe('refused before anything is done', () => {
  let stateBefore: Record<string, string>;
  beforeEach(() => {
    stateBefore = machineState();
  });

  const cases: [string, () => Promise<CommandResult>, number, RegExp][] = [
    ['not root', () => blkscopeAsNobody(run()), exitCodes.unsupported, /needs root: run it with sudo/],
    [
      'no such model',
      () => blkscope(['run', '--model', join(folder, 'absent.gguf')]),
      exitCodes.usage,
      /absent\.gguf.*no such file/i,
    ],
    [
      'a model that is not GGUF',
      () => blkscope(['run', '--model', notAModel]),
      exitCodes.usage,
      /letter\.gguf.*GGUF/,
    ],
    [
      'no such device',
      () => blkscope(['record', '-d', 'sdzz', '--', 'true']),
      exitCodes.usage,
      /sdzz.*no such/i,
    ],
    ['nothing to trace', () => blkscope(['record', '--duration', '1']), exitCodes.usage, /-d.*--file/],
    [
      'nothing to trace, and no disk where it runs',
      () => blkscope(['record', '--', 'true'], { cwd: '/proc' }),
      exitCodes.usage,
      /\/proc lies on no block device.*-d/,
    ],
    [
      'a lock larger than the memory',
      () => blkscope(run('--lock', String(2 * totalmem()))),
      exitCodes.busy,
      /lock.*available/,
    ],
    [
      'leaving more than there is',
      () => blkscope(run('--leave', String(2 * totalmem()))),
      exitCodes.busy,
      /--leave.*available/,
    ],
    ['a thread that is not there', () => blkscope(run('--pid', '4194305')), exitCodes.usage, /no thread/],
    ['a limit too small', () => blkscope(run('--limit', '1K')), exitCodes.usage, /--limit.*too small/],
    ['a size that is none', () => blkscope(run('--limit', 'lots')), exitCodes.usage, /lots/],
    ['two kinds of pressure', () => blkscope(run('--limit', '1G', '--lock', '1G')), exitCodes.usage, /--l/],
    [
      'no such llama.cpp',
      () => blkscope(run('--llama', join(folder, 'none'))),
      exitCodes.unsupported,
      /none: no such program/,
    ],
    ['an unknown option', () => blkscope(run('--frobnicate')), exitCodes.usage, /frobnicate|--help/],
    ['no such run', () => blkscope(['report', join(folder, 'none')]), exitCodes.usage, /no such run folder/],
    ['a folder that is no run', () => blkscope(['report', folder]), exitCodes.usage, /not a run folder/],
  ];
  for (const [name, call, code, reason] of cases) {
    test(name, async () => {
      assertRefused(await call(), code, reason);
      assert.deepEqual(machineState(), stateBefore);
    });
  }
});

test('llama.cpp that exits 1: its run is kept, and said to have failed', async () => {
  const before = machineState();
  const output = join(runs, 'failed');
  const result = await blkscope([
    ...run('--llama', llama, '--limit', '500M', '-o', output),
    '--',
    '--no-such',
  ]);
  assertRefused(
    result,
    exitCodes.workload,
    /llama-completion ended with exit code 1.*its output is in .*log$/,
  );
  await using kept = await openRun(output);
  assert.equal(kept.summary.workload?.exitCode, 1);
  assert.deepEqual(machineState(), before);
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} in the middle: what was traced is kept, marked, and everything is put back`, async () => {
    const before = machineState();
    const output = join(runs, signal);
    const options = ['-n', '20000', '--limit', '2G', '--readahead', '64', '--llama', 'embedded'];
    const result = await blkscope([...run(...options), '-o', output], {
      when: { text: 'run embedded', act: (child) => setTimeout(() => child.kill(signal), 1500) },
    });
    assertRefused(result, code, new RegExp(`interrupted by ${signal}`));
    await using kept = await openRun(output);
    assert.equal(kept.summary.integrity.complete, false);
    assert.equal(kept.summary.integrity.defects[0]?.code, 'INTERRUPTED');
    assert.match(result.stdout, /INCOMPLETE/);
    assert.deepEqual(machineState(), before);
  });
}

test('SIGINT before the workload has begun: no run, nothing left', async () => {
  const before = machineState();
  const output = join(runs, 'early');
  const result = await blkscope([...run('--lock', '1G'), '-o', output], {
    when: { text: 'lock memory', act: (child) => child.kill('SIGINT') },
  });
  assertRefused(result, 130, /interrupted by SIGINT/);
  assert.ok(!existsSync(output));
  assert.deepEqual(machineState(), before);
});

test('an existing run folder is never written over', async () => {
  const result = await blkscope(run('-o', join(runs, 'failed')));
  assertRefused(result, exitCodes.usage, /exists already/);
});

test('no half-written folder is left', () => {
  assert.deepEqual(
    readdirSync(runs).filter((name) => name.endsWith('.partial')),
    [],
  );
});

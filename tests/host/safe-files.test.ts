// Exports and imports that are killed, or find no room: what they write is whole or not there, and nothing else is touched.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes } from '../../src/errors.js';
import { exportFormats } from '../../src/export/formats.js';
import { writeStoredRun } from '../unit/store/stored-run.js';
import { blkscope, type CommandResult, cliPath } from './command-line.js';
import { loopDevice } from './loop-device.js';

const events = 200_000;
/** On a disk where /tmp may be memory. */
const folder = mkdtempSync('/var/tmp/blkscope-safe-');
const run = join(folder, 'run');

before(async () => {
  const readAt = (i: number) => ({ time: 1000 + i * 700, sector: (i % 9973) * 8, sectors: 8 });
  await writeStoredRun(
    run,
    Array.from({ length: events / 2 }, (_, i) => readAt(i)),
    9973 * 8,
  );
});
after(() => rmSync(folder, { recursive: true }));

/** Every file below a folder, hidden ones too, with a digest of what it holds. */
function filesIn(path: string): Record<string, string> {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    entries.map(({ parentPath, name }) => {
      const file = join(parentPath, name);
      const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
      return [file.slice(path.length + 1), digest] as const;
    }),
  );
}

/** Of what a killed writer left under a hidden name, nothing counts. */
function namedIn(path: string): Record<string, string> {
  const hidden = (name: string) => /(^|\/)\.[^/]*\.partial(\/|$)/.test(name);
  return Object.fromEntries(Object.entries(filesIn(path)).filter(([name]) => !hidden(name)));
}

const exportArguments = (format: string, to: string) => [
  'export',
  run,
  '--format',
  format,
  '-o',
  join(to, 'out'),
];

const ended = (child: ChildProcess) => new Promise((resolve) => child.on('exit', resolve));

describe('SIGKILL during an export', () => {
  for (const format of exportFormats) {
    test(`${format}: the target is whole or not there, the run as it was, and the next export clears up`, async () => {
      const before = filesIn(run);
      const whole = join(folder, `${format}-whole`);
      const start = Date.now();
      const finished = await blkscope(exportArguments(format, whole));
      const tookMs = Date.now() - start;
      assert.equal(finished.exitCode, 0, finished.stderr);
      const expected = filesIn(whole);

      const killed = join(folder, `${format}-killed`);
      mkdirSync(killed);
      let cutShort = 0;
      for (const share of [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1]) {
        const child = spawn(process.execPath, [cliPath, ...exportArguments(format, killed)], {
          stdio: 'ignore',
        });
        const end = ended(child);
        await Promise.race([end, sleep(share * tookMs)]);
        child.kill('SIGKILL');
        await end;
        const found = namedIn(killed);
        for (const [name, digest] of Object.entries(found)) assert.equal(digest, expected[name], name);
        if (Object.keys(found).length === 0) cutShort++;
        if (Object.keys(found).length === Object.keys(expected).length) break; // named already
      }
      assert.ok(cutShort > 0, 'some came before it was whole');
      assert.deepEqual(filesIn(run), before);

      rmSync(join(killed, 'out'), { recursive: true, force: true });
      for (const name of readdirSync(killed).filter((name) => !name.startsWith('.')))
        rmSync(join(killed, name));
      const again = await blkscope(exportArguments(format, killed));
      assert.equal(again.exitCode, 0, again.stderr);
      assert.deepEqual(filesIn(killed), expected);
    });
  }
});

function assertOneLine({ exitCode, stderr }: CommandResult, code: number, reason: RegExp): void {
  assert.equal(exitCode, code, stderr);
  const told = stderr.split('\n').filter((line) => /^blkscope: cannot/.test(line));
  assert.equal(told.length, 1, stderr);
  assert.match(told[0] as string, reason);
  assert.doesNotMatch(stderr, /^\s+at /m, 'no stack trace');
}

test('a full or read-only file system: one line, the documented exit code, nothing left and nothing lost', async () => {
  using device = loopDevice(16);
  const target = join(folder, 'small');
  mkdirSync(target);
  execFileSync('mkfs.ext4', ['-q', '-b', '1024', '-N', '64', device.path, '4M']);
  execFileSync('mount', [device.path, target]);
  try {
    const before = filesIn(run);
    const exported = await blkscope(['export', run, '--format', 'blktrace', '-o', join(folder, 'saved')]);
    assert.equal(exported.exitCode, 0, exported.stderr);
    const saved = readFileSync(join(folder, 'saved.blktrace.0'));
    execFileSync('dd', [
      'if=/dev/zero',
      `of=${join(target, 'filler')}`,
      'bs=1k',
      'count=2500',
      'status=none',
    ]);
    const there = filesIn(target);

    for (const format of exportFormats) {
      assertOneLine(await blkscope(exportArguments(format, target)), exitCodes.busy, /the disk is full/);
      assert.deepEqual(filesIn(target), there, format);
    }
    const imported = ['import', join(folder, 'saved'), '-o', join(target, 'imported')];
    const full = await blkscope(imported);
    assert.equal(full.exitCode, exitCodes.busy, full.stderr);
    assert.match(full.stderr, /^blkscope: \S+ keeps the figures but not the events: .*the disk is full/m);
    assert.doesNotMatch(full.stderr, /^\s+at /m, 'no stack trace');
    assert.deepEqual(readdirSync(join(target, 'imported')).sort(), ['config.json', 'summary.json']);
    rmSync(join(target, 'imported'), { recursive: true });
    assert.deepEqual(filesIn(target), there);
    assert.ok(readFileSync(join(folder, 'saved.blktrace.0')).equals(saved), 'the trace is as it was');

    execFileSync('mount', ['-o', 'remount,ro', target]);
    for (const format of exportFormats)
      assertOneLine(await blkscope(exportArguments(format, target)), exitCodes.usage, /read-only/);
    assertOneLine(await blkscope(imported), exitCodes.usage, /read-only/);
    assert.deepEqual(filesIn(target), there);
    assert.deepEqual(filesIn(run), before);
  } finally {
    execFileSync('umount', [target]);
  }
  assert.ok(existsSync(join(folder, 'saved.blktrace.0')));
});

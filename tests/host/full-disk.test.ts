// A run's disk that is full or goes away: one line, the documented exit, the figures kept or told, nothing else touched.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../../src/errors.js';
import type { Summary } from '../../src/figures/summary-schema.js';
import { locateFiles } from '../../src/machine/traced-files.js';
import { openRun } from '../../src/store/open-run.js';
import { blkscope, type CommandResult } from './command-line.js';

/** /var/tmp is on a disk where /tmp may be memory. */
const folder = mkdtempSync('/var/tmp/blkscope-full-');
const target = join(folder, 'small');
let disk: string;

before(() => {
  mkdirSync(target);
  disk = locateFiles([process.execPath]).disk;
});
after(() => rmSync(folder, { recursive: true }));

function mount(options: string): void {
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', target]);
  assert.equal(status, 0, String(stderr));
}

const remount = (options: string) => spawnSync('mount', ['-o', `remount,${options}`, target]);

/** Records a write of 2 MiB to the disk into a run on the small file system. */
function recordTo(name: string): Promise<CommandResult> {
  const write = ['dd', 'if=/dev/zero', `of=${join(folder, 'written')}`, 'bs=1M', 'count=2', 'oflag=direct'];
  const options = ['-d', disk, '--source', 'ftrace', '--mount', '--json', '-o', join(target, name)];
  return blkscope(['record', ...options, '--', ...write]);
}

function assertToldOnce({ exitCode, stdout, stderr }: CommandResult, reason: RegExp): void {
  assert.equal(exitCode, exitCodes.busy, stderr);
  assert.match(stderr.trimEnd().split('\n').at(-1) as string, reason);
  assert.doesNotMatch(stderr, /^\s+at /m, 'no stack trace');
  assert.ok(JSON.parse(stdout).writes.bytes >= 2 * 2 ** 20, 'the figures are told');
}

test('a run whose disk is too small for the events keeps its figures, and without any room tells them', async () => {
  mount('size=256k');
  try {
    const events = await recordTo('no-events');
    assertToldOnce(
      events,
      /no-events keeps the figures but not the events: .*the disk is full; free some space/,
    );
    const run = await openRun(join(target, 'no-events'));
    assert.equal(run.hasTrace, false);
    assert.ok((run.summary.writes.bytes ?? 0) >= 2 * 2 ** 20);
    await assert.rejects(run.connect(), { code: 'ENOENT', message: /its events were not kept/ });

    const earlier = readFileSync(join(target, 'no-events', 'summary.json'));
    spawnSync('dd', ['if=/dev/zero', `of=${join(target, 'filler')}`, 'bs=4k']);
    const nothing = await recordTo('nothing');
    assertToldOnce(nothing, /the run is not kept, only its figures are told: .*the disk is full/);
    assert.deepEqual(readdirSync(target).sort(), ['filler', 'no-events']);
    assert.ok(readFileSync(join(target, 'no-events', 'summary.json')).equals(earlier));

    remount('ro');
    const refused = await recordTo('read-only');
    assert.equal(refused.exitCode, exitCodes.usage, refused.stderr);
    assert.match(
      refused.stderr,
      /blkscope: cannot write .*: the file system is read-only; name another place/,
    );
  } finally {
    spawnSync('umount', [target]);
  }
  assert.equal(existsSync(join(target, 'no-events')), false);
});

test('an import onto a disk that is too small keeps its figures as a run does', async () => {
  const trace = fileURLToPath(new URL('../fixtures/blktrace/deadline.pipe.gz', import.meta.url));
  const { exitCode, stdout, stderr } = await blkscope([
    'import',
    trace,
    '--json',
    '-o',
    join(folder, 'whole'),
  ]);
  assert.equal(exitCode, 0, stderr);
  const whole = JSON.parse(stdout) as Summary;
  mount('size=256k');
  try {
    const events = await blkscope(['import', trace, '--json', '-o', join(target, 'import')]);
    assert.equal(events.exitCode, exitCodes.busy, events.stderr);
    assert.match(
      events.stderr.trimEnd().split('\n').at(-1) as string,
      /import keeps the figures but not the events: .*the disk is full; free some space/,
    );
    const run = await openRun(join(target, 'import'));
    assert.equal(run.hasTrace, false);
    assert.deepEqual(run.summary.reads, whole.reads);

    spawnSync('dd', ['if=/dev/zero', `of=${join(target, 'filler')}`, 'bs=4k']);
    const nothing = await blkscope(['import', trace, '--json', '-o', join(target, 'nothing')]);
    assert.equal(nothing.exitCode, exitCodes.busy, nothing.stderr);
    assert.match(
      nothing.stderr.trimEnd().split('\n').at(-1) as string,
      /the run is not kept, only its figures are told: .*the disk is full/,
    );
    assert.deepEqual((JSON.parse(nothing.stdout) as Summary).reads, whole.reads);
    assert.deepEqual(readdirSync(target).sort(), ['filler', 'import']);
  } finally {
    spawnSync('umount', [target]);
  }
});

// The line for sudoers that docs/security.md gives, and the capabilities that it names, as they are: a user who may call
// blkscope alone traces his run, and has no other right of root's; and root with these capabilities alone makes it too.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { openRun } from '../../src/store/open-run.js';
import { cliPath } from './command-line.js';
import { machineState } from './machine-state.js';

const alice = 'blkscope-alice';
const rule = '/etc/sudoers.d/blkscope-test';
/** On a disk where /tmp may be memory. */
const folder = mkdtempSync('/var/tmp/blkscope-sudo-');
const program = join(folder, 'blkscope');
const home = join(folder, 'home');
const model = join(home, 'tiny.gguf');
const security = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');

before(async () => {
  chmodSync(folder, 0o755);
  writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${cliPath} "$@"\n`, { mode: 0o755 });
  execFileSync('useradd', ['--create-home', '--home-dir', home, '--shell', '/bin/sh', alice]);
  const [line] = /^alice ALL=.*$/m.exec(security) ?? [];
  assert.ok(line, 'docs/security.md has a line for sudoers');
  writeFileSync(rule, `${line.replace('alice', alice).replace('/usr/bin/blkscope', program)}\n`, {
    mode: 0o440,
  });
  execFileSync('visudo', ['-cf', rule]);
  await synthesizeModel(model, { preset: 'tiny-llama' });
  const { uid, gid } = statSync(home);
  chownSync(model, uid, gid);
});
after(() => {
  rmSync(rule, { force: true });
  spawnSync('userdel', [alice]);
  rmSync(folder, { recursive: true });
});

/** A line of hers in a shell. */
function asAlice(line: string) {
  const { status, stdout, stderr } = spawnSync('setpriv', [
    ...[
      '--reuid',
      alice,
      '--regid',
      alice,
      '--init-groups',
      '--reset-env',
      '--',
      '/bin/sh',
      '-c',
      `cd; ${line}`,
    ],
  ]);
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

const traced = '--llama embedded -n 4 --limit 300M --pin 1M --readahead 64 --source ftrace --mount';

async function wholeRun(path: string, owner: number): Promise<void> {
  await using run = await openRun(path);
  assert.equal(run.summary.integrity.complete, true);
  assert.equal(run.summary.workload?.exitCode, 0);
  assert.ok(
    run.config.openedFiles.some(({ path: opened }) => opened.endsWith('tiny.gguf')),
    'its files were seen',
  );
  assert.equal(statSync(path).uid, owner);
}

describe('a user of sudo', () => {
  test('makes a run, which is hers, by the line in the documents', async () => {
    const before = machineState();
    const { status, stderr } = asAlice(`sudo -n ${program} run -m tiny.gguf ${traced} -o runs/one`);
    assert.equal(status, 0, stderr);
    await wholeRun(join(home, 'runs', 'one'), statSync(home).uid);
    assert.deepEqual(machineState(), before);
  });

  test('has no other right of root by it', () => {
    assert.notEqual(asAlice('sudo -n id').status, 0);
    const script = 'id -u; cat /etc/shadow';
    for (const call of ['lock 1M', `record -d none`, 'pin -m tiny.gguf']) {
      const { stdout } = asAlice(`sudo -n ${program} ${call} -- /bin/sh -c '${script}'`);
      assert.doesNotMatch(stdout, /^0$|root:/m);
    }
    const env = '--env LD_DEBUG=libs --env LD_DEBUG_OUTPUT=/etc/blkscope-by-root';
    asAlice(`sudo -n ${program} lock 1M ${env} -- true`);
    assert.deepEqual(execFileSync('find', ['/etc', '-name', 'blkscope-by-root*'], { encoding: 'utf8' }), '');
  });

  test('reads without sudo what she may read', () => {
    for (const call of [
      'report runs/one',
      'compare runs/one runs/one',
      'query runs/one "FROM bandwidth"',
      'export runs/one --format csv -o events.csv',
      'plot runs/one --kind access -o one.svg',
      'report runs/one --html one.html',
      'export runs/one --format blktrace -o again',
      'import again -o runs/again',
      'map tiny.gguf --tensors',
      'map tiny.gguf --defragment copy.gguf',
      'synthesize --preset tiny-llama -o made.gguf',
      'completion bash',
    ]) {
      const { status, stderr } = asAlice(`${program} ${call}`);
      assert.equal(status, 0, `${call}: ${stderr}`);
    }
    for (const call of [`run -m tiny.gguf ${traced}`, 'record -d vda --duration 1', 'top']) {
      const { status, stderr } = asAlice(`${program} ${call}`);
      assert.notEqual(status, 0, call);
      assert.match(stderr, /needs (root|a terminal)/, call);
    }
    assert.ok(!existsSync(join(home, 'runs', 'two')));
  });
});

/** What setpriv is given so that root has these capabilities and no others. */
const bounded = (names: readonly string[]) => [
  ...['--bounding-set', ['-all', ...names.map((name) => `+${name}`)].join(',')],
  ...['--inh-caps=-all', '--', process.execPath, cliPath],
];

test('root with the capabilities in the documents, and no others, makes the run of a user', async () => {
  const listed = [...security.matchAll(/^\| `CAP_(\w+)` \|/gm)].map(([, name]) =>
    (name as string).toLowerCase(),
  );
  assert.ok(listed.length >= 8, `${listed}`);
  const before = machineState();
  const { uid, gid } = statSync(home);
  const call = ['run', '-m', model, ...traced.split(' '), '-o', join(home, 'runs', 'bounded')];
  const env = { ...process.env, SUDO_UID: String(uid), SUDO_GID: String(gid) };
  const { status, stderr } = spawnSync('setpriv', [...bounded(listed), ...call], { cwd: home, env });
  assert.equal(status, 0, String(stderr));
  await wholeRun(join(home, 'runs', 'bounded'), uid);
  for (const command of [
    ['lock', '20M'],
    ['pin', '-m', model, '--budget', '1M'],
    ['record', '--file', model, '--source', 'ftrace', '--mount', '-o', join(home, 'runs', 'recorded')],
  ]) {
    const held = spawnSync('setpriv', [...bounded(listed), ...command, '--', 'true'], { cwd: home });
    assert.equal(held.status, 0, `${command}: ${held.stderr}`);
  }
  for (const lacking of ['sys_admin', 'setuid', 'setgid', 'chown']) {
    const rest = listed.filter((name) => name !== lacking);
    const refused = spawnSync(
      'setpriv',
      [...bounded(rest), ...call.slice(0, -1), join(home, 'runs', 'refused')],
      {
        cwd: home,
        env,
      },
    );
    assert.ok(
      refused.status === 2 || refused.status === 3,
      `without ${lacking}: ${refused.status} ${refused.stderr}`,
    );
    assert.doesNotMatch(String(refused.stderr), /^\s+at /m);
  }
  assert.deepEqual(machineState(), before);
});

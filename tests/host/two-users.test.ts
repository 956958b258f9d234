// Root works for a user, in folders of that user's: nothing that he puts there, or moves meanwhile, makes root write, follow
// or delete what he could not.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { exitCodes } from '../../src/errors.js';
import { Folder } from '../../src/files/folder.js';
import { identityAt } from '../../src/files/identity.js';
import { locateFiles } from '../../src/machine/traced-files.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { writeStoredRun } from '../unit/store/stored-run.js';
import { blkscope, type CommandResult } from './command-line.js';

/** A user without a passwd entry, as sudo would name him. */
const user = 54321;
const sudo = { SUDO_UID: String(user), SUDO_GID: String(user) };
/** On a disk where /tmp may be memory. */
const folder = mkdtempSync('/var/tmp/blkscope-users-');
const home = join(folder, 'home');
const secrets = join(folder, 'secrets');
const model = join(home, 'tiny.gguf');

before(async () => {
  chmodSync(folder, 0o755);
  mkdirSync(home);
  await synthesizeModel(model, { preset: 'tiny-llama' });
  chownSync(model, user, user);
  chownSync(home, user, user);
});
after(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  rmSync(secrets, { recursive: true, force: true });
  mkdirSync(secrets, { mode: 0o700 });
  writeFileSync(join(secrets, 'shadow'), 'root alone', { mode: 0o600 });
});

/** `/bin/sh -c SCRIPT` as the user, in his home. */
function asUser(script: string): void {
  const ids = ['--reuid', String(user), '--regid', String(user), '--clear-groups'];
  execFileSync('setpriv', [...ids, '/bin/sh', '-c', script], { cwd: home });
}

const asSudo = (args: readonly string[]) => blkscope(args, { cwd: home, env: sudo });

function secretsAreSafe(): void {
  assert.deepEqual(readdirSync(secrets), ['shadow']);
  assert.equal(readFileSync(join(secrets, 'shadow'), 'utf8'), 'root alone');
  assert.equal(statSync(join(secrets, 'shadow')).mode & 0o7777, 0o600);
  assert.equal(statSync(join(secrets, 'shadow')).uid, 0);
}

function ownedByUser(path: string): void {
  const status = lstatSync(path);
  assert.equal(status.uid, user, path);
  assert.equal(status.mode & 0o7022, 0, `${path}: ${status.mode.toString(8)}`);
  if (status.isDirectory()) for (const name of readdirSync(path)) ownedByUser(join(path, name));
}

function assertRefused({ exitCode, stderr }: CommandResult, reason: RegExp): void {
  assert.equal(exitCode, exitCodes.usage, stderr);
  assert.match(stderr.trimEnd().split('\n').at(-1) as string, reason);
}

/** A recording whose workload does something to the folders that blkscope is writing in. */
async function recordWhile(name: string, script: string): Promise<CommandResult> {
  const disk = locateFiles([model]).disk;
  const traced = ['-d', disk, '--source', 'ftrace', '--mount'];
  const dd = 'dd if=tiny.gguf of=written bs=1M oflag=direct status=none';
  return await asSudo(['record', ...traced, '-o', `runs/${name}`, '--', '/bin/sh', '-c', `${script}; ${dd}`]);
}

describe('a run for a user', () => {
  test('belongs to him, and its workload has no rights but his', async () => {
    const script = 'grep -E "^(Uid|Cap|NoNew)" /proc/self/status; env; ls -ld runs/.*; ls runs/.plain* ';
    const result = await recordWhile('plain', script);
    assert.equal(result.exitCode, 0, result.stderr);
    ownedByUser(join(home, 'runs'));
    assert.deepEqual(readdirSync(join(home, 'runs')), ['plain']);
    const log = readFileSync(join(home, 'runs', 'plain', 'workload.log'), 'utf8');
    assert.match(log, new RegExp(`^Uid:\\s+${user}\\s+${user}\\s+${user}\\s+${user}$`, 'm'));
    assert.match(log, /^NoNewPrivs:\s+1$/m);
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'])
      assert.match(log, new RegExp(`^Cap${set}:\\s+0+$`, 'm'));
    assert.doesNotMatch(log, /^SUDO_/m);
    assert.match(log, /drwx------ .* 0 +0 .*\.plain\.|drwx------ .* root +root .*\.plain\./);
    assert.match(log, /cannot open directory/);
  });

  test('is not led astray by a link in the place of its folder', async () => {
    const script = `cd runs; for each in .astray.*; do mv $each away; ln -s ${secrets} $each; done; cd ..`;
    const result = await recordWhile('astray', script);
    assert.equal(result.exitCode, exitCodes.busy, result.stderr);
    assert.match(result.stderr, /moved away by somebody else/);
    secretsAreSafe();
    asUser('rm -rf runs/astray');
    rmSync(join(home, 'runs', 'away'), { recursive: true, force: true });
  });

  test('is not written into a folder that the user may not write', async () => {
    const disk = locateFiles([model]).disk;
    const result = await asSudo([
      'record',
      '-d',
      disk,
      '--duration',
      '1',
      '-o',
      join(secrets, 'run'),
      '--mount',
    ]);
    assertRefused(result, /cannot write .*permission denied/);
    secretsAreSafe();
  });
});

describe('what a user chooses for his workload', () => {
  test('is not in the environment of what is still root', async () => {
    const debug = ['--env', 'LD_DEBUG=libs', '--env', `LD_DEBUG_OUTPUT=${join(secrets, 'by-root')}`];
    const quoted = ['--env', "QUOTED=it's\n two"];
    const args = ['lock', '1M', ...debug, ...quoted, '--', '/bin/sh', '-c', 'echo "$QUOTED"; id -u'];
    const { exitCode, stdout, stderr } = await asSudo(args);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /it's\n two/);
    assert.match(stdout, new RegExp(`^${user}$`, 'm'));
    secretsAreSafe();
  });

  test('is no folder for the spool that he could not write', async () => {
    const traced = [
      'record',
      '-d',
      locateFiles([model]).disk,
      '--source',
      'ftrace',
      '--mount',
      '--duration',
      '1',
    ];
    for (const env of [sudo, {}]) {
      asUser(`rm -f spool; ln -s ${secrets} spool`);
      const args = [...traced, '--spool', join(home, 'spool'), '-o', join(home, 'runs', 'spooled')];
      assertRefused(await blkscope(args, { cwd: home, env }), /spool cannot use .*permission denied/);
      secretsAreSafe();
    }
    const own = await asSudo([...traced, '--spool', home, '-o', 'runs/spooled']);
    assert.equal(own.exitCode, 0, own.stderr);
  });

  test('is no sweep or run that he may not read', async () => {
    writeFileSync(join(secrets, 'sweep.yaml'), 'password: of root\n', { mode: 0o600 });
    const swept = await asSudo(['sweep', join(secrets, 'sweep.yaml')]);
    assertRefused(swept, /sweep\.yaml: the sweep cannot be read: you may not read it/);
    mkdirSync(join(secrets, 'again'));
    writeFileSync(join(secrets, 'again', 'summary.json'), '{}');
    assertRefused(await asSudo(['run', '--repeat-of', join(secrets, 'again')]), /you may not read it/);
  });
});

describe('a run that is made again', () => {
  const again = join(home, 'again');
  const evil = join(home, 'evil');
  const config = (changes: object) => ({
    kind: 'run',
    options: { model, llama: evil, profileTouches: true, pressure: { mode: 'none' }, ...changes },
  });
  before(async () => {
    await writeStoredRun(again, [{ time: 1000, sector: 8, sectors: 8 }], 1000);
    writeFileSync(evil, `#!/bin/sh\nid -u >> ${home}/ran-as\necho "  --model --prompt --n-predict"\n`, {
      mode: 0o755,
    });
    writeFileSync(join(home, 'ran-as'), '', { mode: 0o666 });
    chmodSync(join(home, 'ran-as'), 0o666);
    execFileSync('chown', ['-R', `${user}:${user}`, again, evil]);
  });
  const ranAs = () => new Set(readFileSync(join(home, 'ran-as'), 'utf8').split('\n').filter(Boolean));

  test("a user's own has no rights but his, whatever he wrote into its config", async () => {
    const launch = { ours: true, user: null, cgroupProcsFile: join(secrets, 'shadow') };
    for (const profileTouches of [true, false]) {
      const changed = config({ profileTouches, workload: { launch, log: join(secrets, 'log'), tokens: 1 } });
      writeFileSync(join(again, 'config.json'), JSON.stringify(changed));
      const result = await asSudo(['run', '--repeat-of', again, '--mount', '-o', 'runs/again']);
      assert.notEqual(result.exitCode, exitCodes.internal, result.stderr);
      assert.deepEqual(ranAs(), new Set([String(user)]));
      secretsAreSafe();
    }
  });

  test("somebody else's is not made again, and a link to one's own does not make it that", async () => {
    rmSync(join(home, 'ran-as'));
    for (const env of [{}, { SUDO_UID: '54322', SUDO_GID: '54322' }]) {
      const result = await blkscope(['run', '--repeat-of', again], { cwd: '/', env });
      assertRefused(result, new RegExp(`user ${user} made that run`));
      const advised = await blkscope(['advise', again, '--verify'], { cwd: '/', env });
      assert.notEqual(advised.exitCode, exitCodes.ok);
    }
    assert.ok(!existsSync(join(home, 'ran-as')));
    renameSync(join(again, 'config.json'), join(home, 'config.json'));
    writeFileSync(join(folder, 'of-root.json'), readFileSync(join(home, 'config.json')));
    asUser(`ln -s ${join(folder, 'of-root.json')} again/config.json`);
    assertRefused(await blkscope(['run', '--repeat-of', again], { cwd: '/' }), /config\.json: a link/);
  });
});

describe('left-overs', () => {
  const name = '.run.0123456789abcdef.partial';

  test("a user's folders of such a name, with what they link to, stay", async () => {
    mkdirSync(join(home, 'left'));
    chownSync(join(home, 'left'), user, user);
    asUser(
      `cd left; mkdir ${name}; touch ${name}/.unfinished; ln -s ${secrets} ${name}/inner; ln -s ${secrets} .a.0123456789abcdef.partial; mkfifo .b.0123456789abcdef.partial`,
    );
    // Root's own folder in the user's, which he may rename.
    mkdirSync(join(home, 'left', 'of-root'));
    writeFileSync(join(home, 'left', 'of-root', 'kept'), 'kept');
    asUser('mv left/of-root left/.c.0123456789abcdef.partial');
    const result = await blkscope(['recover', join(home, 'left')]);
    assert.equal(result.exitCode, 0, result.stderr);
    secretsAreSafe();
    assert.equal(readFileSync(join(home, 'left', '.c.0123456789abcdef.partial', 'kept'), 'utf8'), 'kept');
    assert.ok(!existsSync(join(home, 'left', name)), 'his own, with our mark, is removed with his rights');
  });

  test('an old name, a dead process of this host, is no leave to delete', async () => {
    const dead = spawnSync('true').pid;
    const host = execFileSync('hostname', { encoding: 'utf8' }).trim();
    const old = join(home, `.run.${host}.${dead}.partial`);
    mkdirSync(old);
    writeFileSync(join(old, 'trace.duckdb'), 'of root');
    await blkscope(['recover', home]);
    assert.equal(readFileSync(join(old, 'trace.duckdb'), 'utf8'), 'of root');
  });
});

test('a link that comes and goes in a folder that all may write leads root nowhere', async () => {
  const shared = join(folder, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  const ids = ['--reuid', String(user), '--regid', String(user), '--clear-groups'];
  const flip = `while :; do ln -s ${secrets} ${shared}/runs; rm -f ${shared}/runs; done`;
  const attacker = spawn('setpriv', [...ids, '/bin/sh', '-c', flip], { stdio: 'ignore' });
  try {
    const until = performance.now() + 5000;
    for (let tries = 0; tries < 5000 && performance.now() < until; tries++) {
      try {
        const path = join(shared, 'runs');
        using opened = Folder.open(path, identityAt(path));
        assert.notEqual(readlinkSync(opened.path), secrets);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
      }
    }
  } finally {
    attacker.kill('SIGKILL');
  }
});

describe('copies and exports', () => {
  const run = join(home, 'stored');
  before(async () => {
    await writeStoredRun(run, [{ time: 1000, sector: 8, sectors: 8 }], 1000);
    for (const path of [run, ...readdirSync(run).map((file) => join(run, file))]) chownSync(path, user, user);
  });

  test('a copy of a setuid file is no setuid file', async () => {
    asUser('cp tiny.gguf set.gguf; chmod 6777 set.gguf; chmod 6777 stored/trace.duckdb');
    for (const env of [sudo, {}]) {
      const copy = join(home, 'copy.gguf');
      const store = join(home, 'copy.duckdb');
      const mapped = await blkscope(['map', join(home, 'set.gguf'), '--defragment', copy], { env });
      assert.equal(mapped.exitCode, 0, mapped.stderr);
      const exported = await blkscope(['export', run, '--format', 'duckdb', '-o', store], { env });
      assert.equal(exported.exitCode, 0, exported.stderr);
      for (const path of [copy, store]) {
        assert.equal(statSync(path).mode & 0o7777, 0o644);
        ownedByUser(path);
        rmSync(path);
      }
    }
    asUser('chmod 644 stored/trace.duckdb');
  });

  test('a copy holds nothing that its owner may not read', async () => {
    const result = await asSudo(['map', join(secrets, 'shadow'), '--defragment', join(home, 'stolen')]);
    // As the caller, who has no right to read it.
    assert.equal(result.exitCode, exitCodes.unsupported, result.stderr);
    assert.match(result.stderr, /shadow: Permission denied/);
    assert.ok(!existsSync(join(home, 'stolen')));
    const links = [join(home, 'linked'), join(home, 'linked', 'trace.duckdb')] as const;
    execFileSync('cp', ['-a', run, links[0]]);
    rmSync(links[1]);
    writeFileSync(join(secrets, 'db'), readFileSync(join(run, 'trace.duckdb')), { mode: 0o600 });
    symlinkSync(join(secrets, 'db'), links[1]);
    for (const env of [sudo, {}]) {
      const args = ['export', links[0], '--format', 'duckdb', '-o', join(home, 'stolen')];
      const exported = await blkscope(args, { env });
      assert.equal(exported.exitCode, exitCodes.usage, exported.stderr);
      assert.ok(!existsSync(join(home, 'stolen')));
    }
  });

  for (const format of ['duckdb', 'csv', 'perfetto', 'parquet', 'blktrace']) {
    test(`${format}: belongs to him, and a link in its place is not followed`, async () => {
      const place = join(home, `as-${format}`);
      mkdirSync(place);
      chownSync(place, user, user);
      const first = await asSudo(['export', run, '--format', format, '-o', join(place, 'out')]);
      assert.equal(first.exitCode, 0, first.stderr);
      ownedByUser(place);
      const names = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      );
      for (const { parentPath, name } of names) {
        rmSync(join(parentPath, name));
        symlinkSync(join(secrets, 'new'), join(parentPath, name));
      }
      await asSudo(['export', run, '--format', format, '-o', join(place, 'out')]);
      await blkscope(['export', run, '--format', format, '-o', join(place, 'out')]);
      secretsAreSafe();
      rmSync(place, { recursive: true });
      asUser(`ln -s ${secrets} as-${format}`);
      assertRefused(
        await asSudo(['export', run, '--format', format, '-o', join(place, 'out')]),
        /permission denied/,
      );
      assertRefused(
        await blkscope(['export', run, '--format', format, '-o', join(place, 'out')]),
        /permission denied/,
      );
      secretsAreSafe();
    });
  }

  test('a hard link to a file of root in a dataset is replaced, not written', async () => {
    const dataset = join(home, 'dataset');
    const event = join(dataset, 'event', 'run=stored');
    execFileSync('mkdir', ['-p', event]);
    execFileSync('chown', ['-R', String(user), dataset]);
    assert.equal((await asSudo(['export', run, '--format', 'parquet', '-o', dataset])).exitCode, 0);
    const [file] = readdirSync(event, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const path = join(file?.parentPath as string, file?.name as string);
    rmSync(path);
    linkSync(join(secrets, 'shadow'), path);
    rmSync(join(dataset, 'run'), { recursive: true });
    assert.equal((await asSudo(['export', run, '--format', 'parquet', '-o', dataset])).exitCode, 0);
    secretsAreSafe();
  });
});

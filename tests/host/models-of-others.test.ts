// Models, their indexes and logs that the user who called sudo names are read with his rights: root's show him nothing of files
// that he may not read, whichever command is given them, and however they are named.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exitCodes } from '../../src/errors.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { largeFileBytes } from '../../src/process/opened-files.js';
import { openRun } from '../../src/store/open-run.js';
import { writeSafetensors } from '../unit/model/safetensors-file.js';
import { blkscope, type CommandResult } from './command-line.js';

/** A user without a passwd entry, as sudo would name him. */
const user = 54321;
const sudo = { SUDO_UID: String(user), SUDO_GID: String(user) };
/** On a disk where /tmp may be memory. */
const folder = mkdtempSync('/var/tmp/blkscope-others-');
const home = join(folder, 'home');
const secrets = join(folder, 'secrets');
const secret = join(secrets, 'model.gguf');
const ofTensors = /token_embd|blk\.\d|secret_tensor|topsecret|layers: \d/;

before(async () => {
  chmodSync(folder, 0o755);
  mkdirSync(home);
  mkdirSync(join(home, 'hf'));
  mkdirSync(secrets, { mode: 0o700 });
  await synthesizeModel(secret, { preset: 'tiny-llama' });
  truncateSync(secret, 2 * largeFileBytes); // as a file that is looked at for its size
  writeSafetensors(join(secrets, 'model.safetensors'), [{ name: 'secret_tensor', shape: [1024, 1024] }]);
  writeFileSync(join(secrets, 'config.json'), '{"model_type":"topsecret"}');
  writeSafetensors(join(home, 'hf', 'model.safetensors'), [{ name: 'own_tensor', shape: [1024, 1024] }]);
  symlinkSync(join(secrets, 'config.json'), join(home, 'hf', 'config.json'));
  for (const name of ['model.gguf', 'model.safetensors']) symlinkSync(join(secrets, name), join(home, name));
  writeFileSync(
    join(home, 'sweep.yaml'),
    `{model: ${secret}, tokens: [2], llama: embedded, output: swept, pressure: none}`,
  );
  execFileSync('chown', ['-Rh', `${user}:${user}`, home]);
});
after(() => rmSync(folder, { recursive: true }));

const asSudo = (line: string) => blkscope(line.split(' '), { cwd: home, env: sudo });

function tellsNothing({ stdout, stderr }: CommandResult, line: string): void {
  assert.doesNotMatch(stdout + stderr, ofTensors, line);
  assert.doesNotMatch(stderr, /^\s+at /m, line);
}

describe('a model of root', () => {
  for (const named of ['model.gguf', secret]) {
    test(`is refused where it must be read: ${named === secret ? 'by its path' : 'by a link'}`, async () => {
      for (const line of [`run -m ${named} --mount`, `pin -m ${named} --dry-run`, `map ${named} --tensors`]) {
        const result = await asSudo(line);
        assert.ok([exitCodes.usage, exitCodes.unsupported].includes(result.exitCode as 2), result.stderr);
        assert.match(result.stderr, /you may not read it|Permission denied/);
        tellsNothing(result, line);
      }
      tellsNothing(await asSudo(`doctor ${named}`), 'doctor');
    });

    test(`is a file like any other where it is traced: ${named === secret ? 'by its path' : 'by a link'}`, async () => {
      const line = `record --file ${named} --source ftrace --mount --duration 1 -o recorded`;
      const result = await asSudo(line);
      assert.equal(result.exitCode, 0, result.stderr);
      tellsNothing(result, line);
      assert.doesNotMatch(readFileSync(join(home, 'recorded', 'summary.json'), 'utf8'), ofTensors);
      rmSync(join(home, 'recorded'), { recursive: true });
    });
  }

  test('is not found among the arguments of a command, nor named by a sweep', async () => {
    for (const line of [
      `record --source ftrace --mount -o of-command -- cat ${secret}`,
      'sweep sweep.yaml --mount',
    ])
      tellsNothing(await asSudo(line), line);
  });

  test('of safetensors, or its config.json beside a model of his own, tells nothing', async () => {
    tellsNothing(await asSudo('doctor model.safetensors'), 'a link to a model');
    const own = await asSudo('doctor hf/model.safetensors');
    assert.match(own.stdout, /unknown; layers/);
    assert.doesNotMatch(own.stdout, /topsecret/);
  });
});

describe('a process of somebody else', () => {
  /** It holds the model open. */
  let server: ChildProcess;
  before(() => {
    server = spawn('sh', ['-c', 'exec 3< "$0"; exec sleep 300', secret], { stdio: 'ignore' });
  });
  after(() => server.kill('SIGKILL'));
  const attach = (name: string) =>
    `record --attach ${server.pid} --source ftrace --mount --duration 2 -o ${name}`;

  test('is watched: its model is a file, whose tensors are not told to who may not read it', async () => {
    const result = await asSudo(attach('attached'));
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(result.stderr, /the tensors of \S*model\.gguf are not told apart: .* you may not read it/);
    tellsNothing(result, 'record --attach');
    await using run = await openRun(join(home, 'attached'));
    assert.deepEqual(
      run.config.files.map(({ path }) => path),
      [secret],
    );
    assert.doesNotMatch(readFileSync(join(home, 'attached', 'summary.json'), 'utf8'), ofTensors);
  });

  test('root itself is told its tensors', async () => {
    const result = await blkscope(attach('by-root').split(' '), { cwd: folder });
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(readFileSync(join(folder, 'by-root', 'summary.json'), 'utf8'), /token_embd/);
  });

  test('has no log but what the caller may read', async () => {
    writeFileSync(join(secrets, 'log'), 'of root\n', { mode: 0o600 });
    const result = await asSudo(`${attach('logged')} --log ${join(secrets, 'log')}`);
    assert.equal(result.exitCode, exitCodes.usage);
    assert.match(result.stderr, /--log \S+: there is no such file/, 'nor whether it is there');
  });
});

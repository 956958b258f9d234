// Files that overlayfs shows, as containers have them: the same file in its layer is what lies on a disk.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { openRun, synthesizeModel } from '../../src/index.js';
import { prepareCache } from '../../src/memory/cache-state.js';
import { fileInLayer } from '../../src/process/overlay.js';
import { processTree } from '../../src/process/process-tree.js';
import { blkscope } from './command-line.js';

const MiB = 2 ** 20;
let folder: string;
let merged: string;

/** Two layers below, whose names have what separates names, and one above. */
before(async () => {
  folder = resolve(mkdtempSync('build/overlay-test-'));
  merged = join(folder, 'merged');
  for (const name of ['first:layer', 'second, layer', 'up', 'work', 'merged', 'bound', 'alone'])
    mkdirSync(join(folder, name, 'models'), { recursive: true });
  await synthesizeModel(join(folder, 'second, layer/models/model.gguf'), {
    preset: 'demo',
    bytes: 120 * MiB,
  });
  writeFileSync(join(folder, 'first:layer/models/small'), 'below');
  const escaped = (name: string) => join(folder, name).replace(/[:,]/g, '\\$&');
  const options = `lowerdir=${escaped('first:layer')}:${escaped('second, layer')},upperdir=${folder}/up,workdir=${folder}/work`;
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, merged]);
  execFileSync('mount', ['--bind', join(merged, 'models'), join(folder, 'bound')]);
});

after(() => {
  execFileSync('umount', [join(folder, 'bound')]);
  execFileSync('umount', [merged]);
  rmSync(folder, { recursive: true });
});

test('a file is found in its layer, also through another mount of it, and above once it was changed', () => {
  const model = join(folder, 'second, layer/models/model.gguf');
  assert.equal(fileInLayer(join(merged, 'models/model.gguf')), model);
  assert.equal(fileInLayer(join(folder, 'bound/model.gguf')), model);
  assert.equal(fileInLayer(model), model);
  const small = join(merged, 'models/small');
  assert.equal(fileInLayer(small), join(folder, 'first:layer/models/small'));
  appendFileSync(small, ' and above');
  assert.equal(fileInLayer(small), join(folder, 'up/models/small'));
  writeFileSync(join(merged, 'models/new'), 'above');
  assert.equal(fileInLayer(join(merged, 'models/new')), join(folder, 'up/models/new'));
});

test('a command that reads it by overlayfs: every byte is told of the file in its layer', async () => {
  const model = join(folder, 'second, layer/models/model.gguf');
  await prepareCache('cold', [model]);
  const run = join(folder, 'command');
  const { exitCode, stderr } = await blkscope([
    ...['record', '--source', 'ftrace', '--mount', '-o', run, '--'],
    ...['dd', `if=${merged}/models/model.gguf`, 'of=/dev/null', 'bs=1M'],
  ]);
  assert.equal(exitCode, 0, stderr);
  await using opened = await openRun(run);
  assert.deepEqual(opened.summary.model?.files, [model]);
  assert.equal(opened.summary.model?.coverage, 1);
});

test('a process in a container, whose mounts nobody else sees', async () => {
  const model = join(folder, 'second, layer/models/model.gguf');
  await prepareCache('cold', [model]);
  const inside = join(folder, 'alone');
  const start = `mount -t overlay overlay -o "lowerdir=$1" "$2" && exec 3<"$2/models/model.gguf" && echo ready && read go && exec cat <&3 >/dev/null`;
  const layers = [`${folder}/second, layer`, `${folder}/first:layer`].map((name) =>
    name.replace(/[:,]/g, '\\$&'),
  );
  const container = spawn(
    'unshare',
    ['--mount', '--fork', '--kill-child', 'sh', '-c', start, 'sh', layers.join(':'), inside],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    await new Promise((done) => container.stdout?.once('data', done));
    const [pid = 0] = processTree(container.pid as number).slice(-1);
    const run = join(folder, 'contained');
    const { exitCode, stderr } = await blkscope(
      ['record', '--source', 'ftrace', '--mount', '-o', run, '--attach', String(pid)],
      { when: { text: 'watch process', act: () => void container.stdin?.write('go\n') } },
    );
    assert.equal(exitCode, 0, stderr);
    await using opened = await openRun(run);
    assert.deepEqual(opened.summary.model?.files, [model], stderr);
    // Its first pages were read before the trace, to see what it is.
    assert.ok((opened.summary.model?.coverage ?? 0) > 0.9);
  } finally {
    container.kill('SIGKILL');
  }
});

test('a model that is named by overlayfs is run from its layer; its map is that of the layer', async () => {
  const named = join(merged, 'models/model.gguf');
  const { stdout, exitCode } = await blkscope(['map', named, '--json']);
  assert.equal(exitCode, 0);
  assert.match(stdout, /"fragments"/);
  const doctor = await blkscope(['doctor', named]);
  assert.match(doctor.stdout, /file system +(?:ext4|xfs)/);
});

test('a layer that is not seen from here: one line that says what to name', async () => {
  const layer = join(folder, 'first:layer');
  renameSync(layer, join(folder, 'gone'));
  try {
    rmSync(join(folder, 'up/models/small'));
    const { exitCode, stderr } = await blkscope(['map', join(merged, 'models/small')]);
    assert.equal(exitCode, 2);
    assert.match(
      stderr,
      /lies in a layer of overlayfs that is not found from here: name the file where it lies/,
    );
    assert.equal(stderr.trim().split('\n').length, 1);
  } finally {
    renameSync(join(folder, 'gone'), layer);
  }
});

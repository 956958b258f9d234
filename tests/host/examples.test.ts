// The examples that trace, lock memory or run llama.cpp, as whole programs; the others are in tests/unit/examples.test.ts.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { synthesizeModel } from '../../src/index.js';
import { llamaProgram } from './llama-programs.js';
import { loopDevice } from './loop-device.js';
import { machineState, mountedTracefs } from './machine-state.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
// On a disk, since a model on a tmpfs is never read from one.
const folder = mkdtempSync(join(root, 'build/examples-'));
after(() => rmSync(folder, { recursive: true }));

/** Its output; `act` is called with what it has printed so far. */
async function example(
  name: string,
  args: readonly string[],
  act: (child: ChildProcess, output: string) => void = () => {},
): Promise<{ output: string; code: number | null; signal: NodeJS.Signals | null }> {
  const clean = machineState();
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'examples', `${name}.ts`), ...args], {
    cwd: root,
    env: { ...process.env, LLAMA_CLI: llamaProgram('llama-cli') },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data;
      act(child, output);
    });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  assert.deepEqual(machineState(), clean, output);
  return { output, code, signal };
}

test('live-rate, until Ctrl-C', async () => {
  using loop = loopDevice(64);
  using _ = mountedTracefs();
  const { output, signal } = await example('live-rate', [`/dev/${loop.name}`], (child, text) => {
    if (text.split('MB/s read').length > 2) child.kill('SIGINT');
  });
  assert.equal(signal, 'SIGINT', output);
  assert.match(output, /by ftrace; Ctrl-C ends it\n +\d+\.\d MB\/s read, +\d+\.\d MB\/s written\n/);
});

test('memory-lock', async () => {
  const { output, code } = await example('memory-lock', []);
  assert.equal(code, 0, output);
  const [before, meanwhile] = [...output.matchAll(/^([\d.]+) GiB available: [\d.]+ ms$/gm)].map(([, gib]) =>
    Number(gib),
  );
  assert.ok(meanwhile !== undefined && meanwhile < (before as number) * 0.7, output);
});

test('experiment, and tokens of the run that it made', async () => {
  const model = join(folder, 'model.gguf');
  const run = join(folder, 'run');
  await synthesizeModel(model, { preset: 'tiny-llama' });
  const made = await example('experiment', [model, '2G', run]);
  assert.equal(made.code, 0, made.output);
  assert.match(made.output, /tokens\/s/);
  const { output, code } = await example('tokens', [run]);
  assert.equal(code, 0, output);
  // The first token comes with the prompt's evaluation.
  assert.match(output, /^generation: 29 tokens, .* read$/m);
  assert.match(output, /^token 29: .* in \d+ reads$/m);
});

test('experiment tells what it cannot run by its code', async () => {
  const { output, code } = await example('experiment', [
    join(root, 'package.json'),
    '2G',
    join(folder, 'never'),
  ]);
  assert.equal(code, 2, output);
  assert.match(output, /^NOT_GGUF: /m);
});

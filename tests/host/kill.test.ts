// A session killed at any moment leaves nothing behind that `blkscope recover`, or the next session, does not undo.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { locateFiles } from '../../src/machine/traced-files.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { readProc } from '../../src/process/process-tree.js';
import { blkscope } from './command-line.js';
import { machineState } from './machine-state.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
let folder: string;
let model: string;
let disk: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-kill-'));
  model = join(folder, 'tiny.gguf');
  await synthesizeModel(model, { preset: 'tiny-llama' });
  disk = locateFiles([model]).disk;
});

after(() => rmSync(folder, { recursive: true }));

const traced = ['--source', 'ftrace', '--mount', '--json'];

const workload = ['--model', 'tiny.gguf', '-n', '50', '--readahead', '64'];

/** What a session changes besides the tracer: nothing, a memory cgroup, locked memory, a pinned model in a cgroup. */
const sessions = [
  () => ['record', '-d', disk, '--duration', '20'],
  () => ['run', ...workload, '--limit', '200M'],
  () => ['run', ...workload, '--lock', '100M'],
  () => ['run', ...workload, '--limit', '200M', '--pin', '10M'],
];

function sessionArguments(round: number): string[] {
  const session = sessions[round % sessions.length] as () => string[];
  return [...session(), ...traced, '-o', join(folder, `killed-${round}`)];
}

/** Processes that run in this test's folder: what a killed session left running. */
function processesHere(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder;
    } catch {
      return false; // no process, or gone meanwhile
    }
  });
}

/** They are told of the death of their parent, and end by themselves. */
async function noProcessesHere(): Promise<void> {
  for (let i = 0; i < 100 && processesHere().length > 0; i++) await sleep(50);
  assert.deepEqual(processesHere(), []);
}

/** Starts a session, waits until it has begun to change the machine, and kills it `delayMs` later. */
async function killedSession(round: number, delayMs: number): Promise<void> {
  const child = spawn(process.execPath, [main, ...sessionArguments(round)], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  await new Promise<void>((resolve) => {
    child.on('exit', () => resolve());
    child.stderr.on('data', (text: Buffer) => text.includes('mount tracefs') && resolve());
  });
  await sleep(delayMs);
  child.kill('SIGKILL');
  await ended;
}

/** Records a known write and finds it: the tracer works. */
async function captureWorks(name: string): Promise<void> {
  const write = ['dd', 'if=/dev/zero', `of=${join(folder, 'written')}`, 'bs=1M', 'count=2', 'oflag=direct'];
  const output = ['-o', join(folder, name)];
  const result = await blkscope(['record', '-d', disk, ...traced, ...output, '--', ...write]);
  assert.equal(result.exitCode, 0, result.stderr);
  assert.ok(JSON.parse(result.stdout).writes.bytes >= 2 * 2 ** 20);
}

test('after SIGKILL at 20 random moments, recover leaves nothing behind and the next capture works', async () => {
  const clean = machineState();
  let changed = 0;
  for (let round = 0; round < 20; round++) {
    // The square makes early moments, when the settings are being made, as likely as the long capture.
    const delayMs = Math.random() ** 2 * 500;
    await killedSession(round, delayMs);
    await noProcessesHere();
    const recovered = await blkscope(['recover']);
    assert.equal(recovered.exitCode, 0, recovered.stderr);
    if (recovered.stdout.includes('=') || recovered.stderr.includes('=')) changed++;
    assert.deepEqual(machineState(), clean, `killed ${delayMs.toFixed(1)} ms after its first change`);
  }
  assert.ok(changed >= 5, `most kills came while the machine was changed (${changed} of 20)`);
  await captureWorks('after-recover');
});

test('the next session undoes by itself what a killed one left', async () => {
  const clean = machineState();
  for (const delayMs of [20, 200, 400]) {
    await killedSession(delayMs, delayMs);
    await captureWorks(`after-${delayMs}`);
    assert.deepEqual(machineState(), clean, `killed after ${delayMs} ms`);
  }
});

test('llama.cpp killed at any moment is a failed workload: the run is kept and nothing left behind', async () => {
  const clean = machineState();
  for (const round of [1, 2, 3]) {
    const output = join(folder, `workload-killed-${round}`);
    const killWorkload = async () => {
      // A process may end between the listing and the look at it.
      const runs = (pid: string) => (readProc(Number(pid), 'cmdline') ?? '').includes('embedded-child');
      while (!processesHere().some(runs)) await sleep(10);
      await sleep(Math.random() * 400);
      process.kill(Number(processesHere().find(runs)), 'SIGKILL');
    };
    const session = sessions[round] as () => string[];
    const { exitCode, stderr } = await blkscope(
      [...session(), ...traced, '--llama', 'embedded', '-n', '5000', '-o', output],
      {
        cwd: folder,
        when: { text: 'run ', act: () => void killWorkload() },
      },
    );
    assert.equal(exitCode, 5, stderr);
    assert.ok(existsSync(join(output, 'summary.json')), stderr);
    assert.deepEqual(machineState(), clean);
  }
});

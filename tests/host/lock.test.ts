// `blkscope lock`: memory that is held for a command, and given back however it ends.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { blkscope, cliPath } from './command-line.js';

const lockedKib = (pid: number | string) =>
  Number(/VmLck:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** Processes whose command line holds these words. */
function processesWith(words: string): string[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(words));
}

test('memory is locked while the command runs', async () => {
  const tell = `awk '/VmLck/ { print $2 }' /proc/$PPID/status`;
  const { exitCode, stdout } = await blkscope(['lock', '64M', '--', 'sh', '-c', tell]);
  assert.deepEqual({ exitCode, locked: Number(stdout) }, { exitCode: 0, locked: 64 * 1024 });
});

test("a command that fails is told with its exit code, by the workload's exit code", async () => {
  const { exitCode, stderr } = await blkscope(['lock', '16M', '--', 'sh', '-c', 'exit 3']);
  assert.equal(exitCode, 5);
  assert.match(stderr, /^blkscope: sh ended with exit code 3$/m);
});

test('nobody reads what it tells: the command runs to its end all the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-lock-'));
  try {
    const made = join(folder, 'made');
    const args = [cliPath, 'lock', '16M', '--', 'sh', '-c', `sleep 0.3; touch ${made}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.destroy();
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.ok(existsSync(made));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('more than the machine can spare is refused before anything is locked', async () => {
  const { exitCode, stderr } = await blkscope(['lock', '900G']);
  assert.equal(exitCode, 4);
  assert.match(stderr, /would leave less than .* ask for \d+ MiB at most/);
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} gives the memory back and ends the command`, async () => {
    const marker = `sleep 613.${process.pid}`;
    let locked = 0;
    let pid = 0;
    const act = (child: ChildProcess) => {
      pid = child.pid as number;
      locked = lockedKib(pid);
      child.kill(signal);
    };
    await blkscope(['lock', '64M', '--', ...marker.split(' ')], { when: { text: 'released when', act } });
    assert.equal(locked, 64 * 1024);
    assert.throws(() => lockedKib(pid), 'the process has gone, and its locks with it');
    assert.deepEqual(processesWith(marker), []);
  });
}

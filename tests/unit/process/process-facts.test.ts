import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  processCounters,
  processFacts,
  stillRuns,
  writtenFiles,
} from '../../../src/process/process-facts.js';

let folder: string;
before(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'blkscope-facts-')));
});
after(() => rmSync(folder, { recursive: true }));

test('what a process is, what it writes and has read, and that it has ended', async () => {
  const log = openSync(join(folder, 'log'), 'w');
  const child = spawn('sh', ['-c', 'sleep 60 & wait'], {
    cwd: folder,
    env: { PATH: process.env.PATH, TWO: 'a=b' },
    stdio: ['ignore', log, 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const pid = child.pid as number;
  const facts = processFacts(pid);
  assert.ok(facts);
  assert.deepEqual(facts.argv, ['sh', '-c', 'sleep 60 & wait']);
  assert.equal(facts.environment.TWO, 'a=b');
  assert.equal(facts.workingDirectory, folder);
  assert.deepEqual(
    writtenFiles(pid).map(({ path }) => path),
    [join(folder, 'log')],
  );
  assert.ok((processCounters(pid)?.minorFaults ?? 0) > 10);
  assert.ok(stillRuns(facts));
  assert.ok(!stillRuns({ ...facts, startTicks: '1' }), 'another process may have its number one day');
  process.kill(pid, 'SIGKILL');
  await ended;
  assert.ok(!stillRuns(facts));
  assert.equal(processFacts(pid), null);
});

test('the number of a thread is its process’s; a thread of the kernel has no command line', () => {
  assert.equal(processFacts(process.pid)?.pid, process.pid);
  assert.deepEqual(processFacts(2)?.argv ?? [], []);
});

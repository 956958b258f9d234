import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch } from '../../../src/process/launch.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-launch-'));
after(() => rmSync(folder, { recursive: true }));

async function outputOf(script: string, onSpawn: (pid: number) => void): Promise<string> {
  const path = join(folder, 'output');
  const stdout = openSync(path, 'w');
  try {
    const options = { onSpawn, user: null, ours: true };
    const { child } = await launch(['/bin/sh', '-c', script], options, { stdout, stderr: 'pipe' });
    await new Promise((resolve) => child.once('exit', resolve));
    return readFileSync(path, 'utf8');
  } finally {
    closeSync(stdout);
  }
}

test('who watches a process is told of it before it is the program, which then reads nothing', async () => {
  let seen = '';
  const printed = await outputOf('echo $$; cat', (pid) => {
    seen = `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('exec "$@"')}`;
  });
  assert.equal(seen, `${printed.trim()} true`);
});

test('a process that cannot be watched does not become the program', async () => {
  const path = join(folder, 'ran');
  const start = outputOf(`touch ${path}`, () => {
    throw new Error('no events');
  });
  await assert.rejects(start, { message: 'no events' });
  await sleep(300);
  assert.throws(() => readFileSync(path), { code: 'ENOENT' });
});

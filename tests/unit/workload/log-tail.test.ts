import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LogTail } from '../../../src/workload/log-tail.js';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-log-tail-'));
});
after(() => rmSync(folder, { recursive: true }));

test('lines as they come, from the end or the beginning, also after the file was cut short', () => {
  const path = join(folder, 'log');
  writeFileSync(path, 'before\n');
  const [late, all]: [string[], string[]] = [[], []];
  const tails = [
    new LogTail(path, 'end', (line) => late.push(line)),
    new LogTail(path, 'start', (line) => all.push(line)),
  ];
  const look = () => tails.forEach((tail) => void tail.look());
  look();
  appendFileSync(path, 'one\ntw');
  look();
  appendFileSync(path, Buffer.from('o \xc3', 'latin1'));
  look();
  appendFileSync(path, Buffer.from('\xa9\r3/9\r', 'latin1'));
  look();
  truncateSync(path, 0);
  look();
  appendFileSync(path, 'anew\nlast');
  for (const tail of tails) tail.close();
  assert.deepEqual(late, ['one', 'two é', '3/9', 'anew', 'last']);
  assert.deepEqual(all, ['before', ...late]);
});

test('a line is seen within moments of being written', async () => {
  const path = join(folder, 'moments');
  writeFileSync(path, '');
  let written = 0n;
  const timer = setTimeout(() => {}, 5_000); // the tail itself keeps no process alive
  const seen = await new Promise<bigint>((resolve) => {
    const tail = new LogTail(path, 'end', (_, time) => {
      resolve(time - written);
      setImmediate(() => tail.close());
    });
    setTimeout(() => {
      written = process.hrtime.bigint();
      appendFileSync(path, 'line\n');
    }, 20);
  });
  clearTimeout(timer);
  assert.ok(seen >= 0n && seen < 1_000_000_000n, `${seen} ns`);
});

test('nothing is taken out of a pipe', () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  assert.throws(() => new LogTail(path, 'end', () => {}), { code: 'ENOTSUP' });
});

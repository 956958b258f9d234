// What is no trace and does not end: a line, exit code 2, soon. docs/security.md names the bound.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { exitCodes } from '../../../src/errors.js';
import { cliPath } from '../../host/command-line.js';
import { Records } from '../trace-file/records.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-endless-'));
const zeros = Buffer.alloc(80 << 20);
before(() => {
  const packed = gzipSync(zeros);
  for (const name of ['zeros.gz', 'zeros.blktrace.0.gz']) writeFileSync(join(folder, name), packed);
  writeFileSync(join(folder, 'zeros'), zeros);
});
after(() => rmSync(folder, { recursive: true }));

/** `sh -c SCRIPT`, in which $IMPORT reads what it is given. */
function imported(script: string): Promise<{ code: number | null; stderr: string }> {
  const env = { ...process.env, IMPORT: `${process.execPath} ${cliPath} import` };
  const child = spawn('sh', ['-c', script], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr })));
}

for (const script of [
  '$IMPORT - < /dev/zero',
  '$IMPORT - < /dev/urandom',
  'yes | $IMPORT -',
  'yes | $IMPORT --in-order -',
  '$IMPORT zeros',
  '$IMPORT zeros.gz',
  '$IMPORT zeros.blktrace.0.gz',
])
  test(`${script}: is no trace`, { timeout: 60_000 }, async () => {
    const { code, stderr } = await imported(script);
    assert.equal(code, exitCodes.usage, stderr);
    assert.match(stderr, /^(blkscope: import[^\n]*\n)?blkscope: [^\n]*no block trace[^\n]*\n$/);
    const runs = join(folder, 'runs');
    assert.deepEqual(existsSync(runs) ? readdirSync(runs) : [], []);
  });

test('a trace with garbage behind it that does not end is kept, and told', { timeout: 60_000 }, async () => {
  writeFileSync(join(folder, 'trace'), new Records().reads(100, 10n ** 9n).bytes);
  const { code, stderr } = await imported('cat trace /dev/zero | $IMPORT - -o kept');
  assert.equal(code, exitCodes.incomplete, stderr);
  assert.match(stderr, /what follows offset \d+ was not read/);
});

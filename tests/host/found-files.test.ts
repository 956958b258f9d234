// `record -- CMD` without --file: what the command is seen to read is counted all the same.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Summary } from '../../src/figures/summary-schema.js';
import { locateFiles } from '../../src/machine/traced-files.js';
import { blkscope } from './command-line.js';

let folder: string;
let data: string;
const bytes = 80 * 2 ** 20;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-found-'));
  data = join(folder, 'data.bin');
  writeFileSync(data, randomBytes(bytes), { flush: true });
});
after(() => rmSync(folder, { recursive: true }));

async function record(name: string, targets: string[], command: string[], cwd?: string): Promise<Summary> {
  const args = ['record', '--source', 'ftrace', '--mount', '--json', '-o', join(folder, name)];
  const { exitCode, stdout, stderr } = await blkscope(
    [...args, ...targets, '--', ...command],
    cwd === undefined ? {} : { cwd },
  );
  assert.equal(exitCode, 0, stderr);
  return JSON.parse(stdout) as Summary;
}

/** All of the file once, then the first half of it again. */
const reading = (path: string) =>
  `dd if=${path} of=/dev/null bs=1M iflag=direct; dd if=${path} of=/dev/null bs=1M count=40 iflag=direct`;

function assertRead({ model, gaps }: Summary): void {
  assert.deepEqual(model?.files, [data]);
  assert.deepEqual(
    { bytes: model?.bytes, unique: model?.uniqueBytes, read: model?.readBytes, coverage: model?.coverage },
    { bytes, unique: bytes, read: 1.5 * bytes, coverage: 1 },
  );
  assert.ok((gaps.file?.sequential ?? 0) > 0);
}

test('a file that it names also names the disk', async () => {
  assertRead(await record('named', [], ['sh', '-c', `test -f "$0"; ${reading('"$0"')}`, data]));
});

test('a file that it is only seen to hold open', async () => {
  const { disk } = locateFiles([data]);
  const script = `cd ${folder}; exec 3<data.bin; ${reading('data.bin')}; sleep 1`;
  assertRead(await record('opened', ['-d', disk], ['sh', '-c', script]));
});

test('nothing is named: the disk of the working directory is traced', async () => {
  const script = `exec 3<data.bin; ${reading('data.bin')}; sleep 1`;
  assertRead(await record('unnamed', [], ['sh', '-c', script], folder));
});

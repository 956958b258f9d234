import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { BlkscopeError } from '../../../src/errors.js';
import { exportRun } from '../../../src/export/export-run.js';
import { importTrace } from '../../../src/trace-file/import-trace.js';

const fixtures = fileURLToPath(new URL('../../fixtures/blktrace/', import.meta.url));
const cli = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
let folder: string;
let runs = 0;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-import-'));
  for (const name of readdirSync(fixtures).filter((file) => file.endsWith('.gz'))) {
    writeFileSync(join(folder, name.slice(0, -3)), gunzipSync(readFileSync(join(fixtures, name))));
  }
});
after(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);

async function imported(name: string, store = false) {
  const output = at(`run-${runs++}`);
  return await importTrace({ paths: [at(name)], store, output });
}

function importedFromStdin(name: string) {
  const output = at(`run-${runs++}`);
  return spawnSync(
    process.execPath,
    ['--import', 'tsx', cli, 'import', '-', '--no-store', '--json', '-o', output],
    { stdio: [openSync(at(name), 'r'), 'pipe', 'pipe'], encoding: 'utf8' },
  );
}

/** What blkparse lists: events by action letter, and sectors completed by direction; a discard is neither. */
function blkparse(name: string) {
  const text = execFileSync('blkparse', ['-i', name, '-q', '-f', 'event %a %d %n\n'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const actions: Record<string, number> = {};
  const sectors = { R: 0, W: 0 };
  for (const [, action, way, count] of text.matchAll(/^event (\w+) (\w*) (\d+)$/gm)) {
    const letter = action === 'UT' ? 'T' : (action as string);
    actions[letter] = (actions[letter] ?? 0) + 1;
    if (action === 'C' && way?.includes('R')) sectors.R += Number(count);
    if (action === 'C' && way?.includes('W')) sectors.W += Number(count);
  }
  return { actions, sectors };
}

for (const name of ['deadline', 'none']) {
  test(`${name}: events by action and sectors by direction are blkparse's`, async () => {
    const { run, problem } = await imported(name);
    const peer = blkparse(name);
    assert.equal(problem, null);
    assert.ok((peer.actions.Q ?? 0) > 150, JSON.stringify(peer));
    assert.deepEqual(run.summary.source.actions, peer.actions);
    assert.equal(run.summary.integrity.readSectorsTraced, peer.sectors.R);
    assert.equal(run.summary.integrity.writeSectorsTraced, peer.sectors.W);
    assert.equal(run.summary.source.kind, 'file');
    assert.equal(run.summary.source.device, name);
  });
}

test('a dump of blkparse, a pipe and one CPU alone give the same figures as the files', async () => {
  execFileSync('blkparse', ['-i', 'none', '-q', '-d', at('dump'), '-O'], { cwd: folder, stdio: 'ignore' });
  const whole = (await imported('none')).run.summary;
  const dump = (await imported('dump')).run.summary;
  assert.deepEqual(dump.reads, whole.reads);
  assert.deepEqual(dump.source.actions, whole.source.actions);
  assert.deepEqual(dump.gaps, whole.gaps);
  const halves = [0, 1].map((cpu) => {
    const result = importedFromStdin(`none.blktrace.${cpu}`);
    assert.equal(result.status, 0, result.stderr);
    return JSON.parse(result.stdout).integrity.eventsRead as number;
  });
  assert.equal((halves[0] as number) + (halves[1] as number), whole.integrity.eventsRead);
  const byFile = (await imported('none.blktrace.1')).run.summary;
  assert.deepEqual(byFile.reads, whole.reads);
});

test('a piped stream is read from standard input, CPU by CPU in order', () => {
  const result = importedFromStdin('deadline.pipe');
  assert.equal(result.status, 0, result.stderr);
  const { source, reads } = JSON.parse(result.stdout);
  assert.deepEqual(source.actions, { Q: 60, G: 60, I: 60, D: 60, C: 60 });
  assert.equal(reads.bytes, 60 * 4096);
});

test('events are stored as they are counted', async () => {
  const { run } = await imported('deadline', true);
  const db = await run.connect();
  const rows = await db.runAndReadAll('SELECT count(*)::INT, min(time) > 0 FROM event');
  assert.deepEqual(rows.getRows(), [[run.summary.integrity.eventsRead, true]]);
  await run[Symbol.asyncDispose]();
});

/** Fields of a version 1 record: offset and width. */
const fields = [
  [0, 4],
  [4, 4],
  [8, 8],
  [16, 8],
  [24, 4],
  [28, 4],
  [32, 4],
  [36, 4],
  [40, 4],
  [44, 2],
  [46, 2],
] as const;

function* records(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const end = start + 48 + bytes.readUInt16LE(start + 46);
    yield bytes.subarray(start, end);
    start = end;
  }
}

/** The record as a machine of the other byte order writes it; payloads are big-endian on both. */
function otherEndian(record: Buffer): Buffer {
  const swapped = Buffer.from(record);
  for (const [offset, width] of fields) swapped.subarray(offset, offset + width).reverse();
  return swapped;
}

/** The record in version 2. */
function second(record: Buffer): Buffer {
  const made = Buffer.alloc(64 + record.length - 48);
  record.copy(made, 0, 0, 28);
  made.writeUInt32LE(0x65617408, 0);
  record.copy(made, 28, 32, 36); // pid
  record.copy(made, 32, 28, 32); // action
  record.copy(made, 40, 36, 48); // device, cpu, error, length
  record.copy(made, 64, 48);
  return made;
}

for (const [form, convert] of Object.entries({ 'big-endian': otherEndian, 'version 2': second })) {
  test(`${form} records mean the same`, async () => {
    for (const cpu of [0, 1]) {
      const bytes = readFileSync(at(`deadline.blktrace.${cpu}`));
      writeFileSync(at(`${form}.blktrace.${cpu}`), Buffer.concat([...records(bytes)].map(convert)));
    }
    const [one, other] = [(await imported('deadline')).run.summary, (await imported(form)).run.summary];
    assert.deepEqual(other.source.actions, one.source.actions);
    assert.deepEqual([other.reads, other.writes, other.gaps], [one.reads, one.writes, one.gaps]);
    assert.equal(other.source.protocol, form === 'version 2' ? 2 : 1);
  });
}

test('what is damaged is counted and told, and the rest is kept', async () => {
  const cpus = [0, 1].map((cpu) => readFileSync(at(`none.blktrace.${cpu}`)));
  const [zero, one] = cpus as [Buffer, Buffer];
  const firstEnd = (records(zero).next().value as Buffer).length;
  const garbage = Buffer.from('this is no record');
  writeFileSync(
    at('hurt.blktrace.0'),
    Buffer.concat([zero.subarray(0, firstEnd), garbage, zero.subarray(firstEnd)]),
  );
  writeFileSync(at('hurt.blktrace.2'), one);
  truncateSync(at('hurt.blktrace.2'), one.length - 10);
  const { run, problem } = await imported('hurt');
  const { defects, eventsRead } = run.summary.integrity;
  const told = defects.map(({ message }) => message).join('\n');
  const whole = (await imported('none')).run.summary.integrity.eventsRead;
  assert.ok(eventsRead >= whole - 1 && eventsRead <= whole, `${eventsRead} of ${whole}`);
  assert.match(told, /hurt\.blktrace\.1 is missing/);
  assert.match(
    told,
    new RegExp(`hurt\\.blktrace\\.0: ${garbage.length} bytes belong to no trace record, .* ${firstEnd}`),
  );
  assert.match(told, /hurt\.blktrace\.2: it ends in the middle of a record, \d+ bytes/);
  assert.equal(problem?.exitCode, 6);
});

test('an empty file of an idle CPU is no loss', async () => {
  copyFileSync(at('none.blktrace.0'), at('idle.blktrace.0'));
  writeFileSync(at('idle.blktrace.1'), '');
  assert.equal((await imported('idle')).problem, null);
});

test('what is no trace is refused in one line', async () => {
  writeFileSync(at('text'), 'no trace at all\n'.repeat(1000));
  writeFileSync(at('empty.blktrace.0'), '');
  for (const [name, message] of [
    ['text', /no block trace record in it/],
    ['empty', /its only file is empty/],
    ['nowhere', /no such file, and no .*nowhere\.blktrace\.0/],
  ] as const) {
    await assert.rejects(
      imported(name),
      (error) => error instanceof BlkscopeError && message.test(error.message),
    );
  }
  unlinkSync(at('text'));
});

/** All that btt finds in a trace. */
function btt(base: string): string {
  execFileSync('blkparse', ['-i', base, '-q', '-O', '-d', `${base}.bin`], { cwd: folder, stdio: 'ignore' });
  return execFileSync('btt', ['-i', `${base}.bin`], { cwd: folder, encoding: 'utf8' });
}

test('what is exported as blktrace files, blkparse and btt read as the original', async () => {
  const { run } = await imported('deadline', true);
  await exportRun(run, { format: 'blktrace', output: at('again') });
  await run[Symbol.asyncDispose]();
  assert.deepEqual(blkparse('again'), blkparse('deadline'));
  const [original, again] = [btt('deadline'), btt('again')];
  assert.match(original, /^D2C +0\.\d+ +0\.\d+ +0\.\d+ +1\d\d$/m);
  assert.equal(again, original);
  await assert.rejects(exportRun(run, { format: 'blktrace', output: at('again') }), /again\.blktrace\.\d/);
});

test('records of version 2 are exported in version 1, but for actions that it does not have, which are counted', async () => {
  const newer = second(records(readFileSync(at('none.blktrace.0'))).next().value as Buffer);
  newer.writeUInt32LE(30, 32); // no action of any version so far
  for (const cpu of [0, 1]) {
    const bytes = [...records(readFileSync(at(`none.blktrace.${cpu}`)))].map(second);
    writeFileSync(at(`newer.blktrace.${cpu}`), Buffer.concat([...(cpu === 0 ? [newer] : []), ...bytes]));
  }
  const { run } = await imported('newer', true);
  assert.equal(run.summary.source.actions['?'], 1);
  const left = await exportRun(run, { format: 'blktrace', output: at('older') });
  await run[Symbol.asyncDispose]();
  assert.match(left ?? '', /^1 events? /);
  assert.deepEqual(blkparse('older'), blkparse('none'));
});

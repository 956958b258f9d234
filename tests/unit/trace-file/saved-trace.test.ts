import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { exportRun } from '../../../src/export/export-run.js';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { renderComparison } from '../../../src/report/compare.js';
import { renderReport } from '../../../src/report/terminal.js';
import { openRun } from '../../../src/store/open-run.js';
import { importTrace } from '../../../src/trace-file/import-trace.js';
import { actions, Records } from './records.js';

const cli = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const second = 1_000_000_000n;
let folder: string;
let runs = 0;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-saved-'));
});
after(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
const write = (name: string, records: Records) => writeFileSync(at(name), records.bytes);

async function imported(names: string[], store = false) {
  return await importTrace({ paths: names.map(at), store, output: at(`run-${runs++}`) });
}

function codes({ integrity }: Summary): string[] {
  return [...integrity.defects, ...integrity.remarks].map(({ code }) => code);
}

test("the wall clock is the trace's own, in the store and in what is exported; without a note it is null", async () => {
  const clocked = new Records().wallClock(4_999_999_999_000n, 1_500_000_000, 123_456_789);
  write('wall.blktrace.0', clocked.reads(10, 5000n * second));
  const { run } = await imported(['wall'], true);
  const ask = async (sql: string) => (await (await run.connect()).runAndReadAll(sql)).getRows();
  const first = `SELECT epoch_us(started + to_microseconds(((SELECT min(time) FROM event) - started_ns)::BIGINT // 1000)) FROM run`;
  assert.deepEqual(await ask(first), [[1_500_000_000_123_457n]]);
  assert.equal(run.config.startedAt, '2017-07-14T02:40:00.123457Z');
  assert.match(run.config.importedAt ?? '', /^20\d\d-/);
  await exportRun(run, { format: 'blktrace', output: at('wall-again') });
  await run[Symbol.asyncDispose]();
  const printed = (base: string) =>
    execFileSync('blkparse', ['-i', base, '-q', '-f', '%z %a %S\n'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, TZ: 'UTC' },
    }).replace(/^Input file .*\n/m, '');
  // blkparse takes the note for the moment of the first event, and so the original's time for 1 us less.
  assert.match(printed('wall'), /^02:40:00\.123456 D 100000$/m);
  assert.match(printed('wall-again'), /^02:40:00\.123457 D 100000$/m);

  write('clockless.blktrace.0', new Records().reads(10, 5000n * second));
  const { run: other } = await imported(['clockless'], true);
  const row = await (await other.connect()).runAndReadAll('SELECT started, started_ns FROM run');
  assert.deepEqual(row.getRows(), [[null, null]]);
  assert.equal(other.config.startedAt, null);
  await exportRun(other, { format: 'blktrace', output: at('clockless-again') });
  await other[Symbol.asyncDispose]();
  assert.equal(printed('clockless-again'), printed('clockless'));
});

test('records of version 1 do not tell of drops: the trace is neither complete nor incomplete, and says so', async () => {
  write('first.blktrace.0', new Records().reads(10, 5000n * second));
  const { run, problem } = await imported(['first']);
  const { complete, eventsDropped, remarks } = run.summary.integrity;
  assert.deepEqual([problem, complete, eventsDropped], [null, null, null]);
  assert.match(
    remarks[0]?.message ?? '',
    /whether events were lost is not known: .*nothing in the trace is a sign of one/,
  );
  assert.match(renderReport(run.summary), /lost ones not known/);
  assert.match(renderReport(run.summary), /^ whether events were lost is not known/m);
  assert.doesNotMatch(renderReport(run.summary), /INCOMPLETE|>=/);
  assert.match(renderComparison([{ name: 'a', summary: run.summary }]), /trace +loss unknown/);

  const signs = new Records()
    .add(5000n * second, actions.complete, 8)
    .add(5001n * second, actions.issue, 800);
  write('signs.blktrace.0', signs);
  const { remarks: told } = (await imported(['signs'])).run.summary.integrity;
  assert.match(
    told[0]?.message ?? '',
    /signs of one: 1 completion without issue, 1 request without completion/,
  );
  assert.deepEqual(told.map(({ code }) => code).sort(), ['LOSS_UNKNOWN', 'OPEN', 'UNMATCHED']);
});

test('a request that was given up is told, in the summary and in the report', async () => {
  const records = new Records().add(5000n * second, actions.issue, 8).reads(1, 5001n * second);
  records.read(5070n * second, 8);
  write('stuck.blktrace.0', records);
  const { run } = await imported(['stuck']);
  const { requests, integrity, reads } = run.summary;
  assert.deepEqual([reads.count, requests.givenUp, requests.open], [2, 1, 0]);
  assert.deepEqual(codes(run.summary).sort(), ['GIVEN_UP', 'LOSS_UNKNOWN']);
  assert.match(integrity.remarks[0]?.message ?? '', /signs of one: 1 request without completion/);
  assert.match(
    renderReport(run.summary).replaceAll(/\s+/g, ' '),
    / 1 request never completed in the trace, /,
  );
});

test('a dump that a filter thinned is no loss, a file with the same holes is', async () => {
  const thinned = (start: bigint) =>
    new Records()
      .reads(3, start)
      .skip(5)
      .reads(3, start + second);
  write('thinned', thinned(0n));
  write('holes.blktrace.0', thinned(5000n * second));
  const { run, problem } = await imported(['thinned']);
  assert.equal(problem, null);
  assert.equal(run.summary.integrity.sequenceGaps, 0);
  assert.ok(codes(run.summary).includes('FILTERED_DUMP'));
  const whole = await imported(['holes']);
  assert.equal(whole.problem?.exitCode, 6);
  assert.equal(whole.run.summary.integrity.sequenceGaps, 5);
});

test('what is two sessions is told and exits with 0, what has an impossible time is left out and exits with 6', async () => {
  write('one.blktrace.0', new Records().reads(10, 5000n * second));
  write('two.blktrace.0', new Records().reads(10, 100n * second));
  const both = await imported(['one', 'two']);
  assert.equal(both.problem, null);
  assert.equal(both.run.summary.integrity.complete, false);
  assert.match(
    renderReport(both.run.summary),
    /hold events of CPU 0 of device\s+8:16: they are of two\s+sessions/,
  );
  write(
    'late.blktrace.0',
    new Records()
      .reads(10, 5000n * second)
      .read(2n ** 63n, 8)
      .reads(10, 5001n * second),
  );
  const late = await imported(['late']);
  assert.equal(late.problem?.exitCode, 6);
  assert.equal(late.run.summary.reads.count, 20);
  assert.ok(late.run.summary.timeline.readBytes.length < 20);
});

test('what gzip packed is read: a trace by its base name, by a file, in part; a dump; twice', async () => {
  const cpu = (n: number) =>
    new Records(n).wallClock(5000n * second, 1_500_000_000, 0).reads(500, 5001n * second).bytes;
  for (const n of [0, 1, 2]) writeFileSync(at(`z.blktrace.${n}.gz`), gzipSync(cpu(n)));
  writeFileSync(at('piped.gz'), gzipSync(Buffer.concat([cpu(0), cpu(1)])));
  writeFileSync(at('members.gz'), Buffer.concat([gzipSync(cpu(0)), gzipSync(cpu(1))]));
  linkSync(at('z.blktrace.1.gz'), at('link.gz'));
  for (const [names, reads] of [
    [['z'], 1500],
    [['z.blktrace.1.gz'], 1500],
    [['z', 'z.blktrace.0.gz', 'link.gz'], 1500],
    [['piped.gz'], 1000],
    [['members.gz'], 1000],
  ] as const) {
    const { run, problem } = await imported([...names]);
    assert.equal(problem, null, names.join());
    assert.equal(run.summary.reads.count, reads, names.join());
    assert.deepEqual(run.summary.integrity.defects, []);
  }
  // Some of a trace's files packed, and one of them there in both forms.
  writeFileSync(at('z.blktrace.1'), cpu(1));
  rmSync(at('z.blktrace.0.gz'));
  writeFileSync(at('z.blktrace.0'), cpu(0));
  const { run } = await imported(['z']);
  assert.equal(run.summary.reads.count, 1500);
  assert.deepEqual(run.summary.integrity.defects, []);
});

test('a packed file that was cut or damaged is read as far as it goes, and told', async () => {
  const whole = gzipSync(new Records().reads(20_000, 5000n * second).bytes);
  const middle = whole.length >> 1;
  for (const [name, bytes] of [
    ['cut', whole.subarray(0, middle)],
    ['damaged', Buffer.from(whole).fill(0xff, middle, middle + 2000)],
  ] as const) {
    writeFileSync(at(`${name}.blktrace.0.gz`), bytes);
    const { run, problem } = await imported([name]);
    assert.ok(codes(run.summary).includes('READ_FAILED'), JSON.stringify(run.summary.integrity));
    assert.ok(
      run.summary.reads.count > 1000 && run.summary.reads.count < 20_000,
      `${run.summary.reads.count}`,
    );
    assert.equal(problem?.exitCode, 6);
  }
});

test('what other programs packed, also on standard input, is named with the way to unpack it', () => {
  writeFileSync(at('packed.zst'), Buffer.from('28b52ffd0000000000', 'hex'));
  const named = spawnSync(process.execPath, ['--import', 'tsx', cli, 'import', at('packed.zst')], {
    encoding: 'utf8',
  });
  assert.equal(named.status, 2);
  assert.match(named.stderr, /packed by zstd: .*zstdcat/);
  const piped = spawnSync(process.execPath, ['--import', 'tsx', cli, 'import', '-', '-o', at('none')], {
    encoding: 'utf8',
    input: gzipSync('anything'),
  });
  assert.equal(piped.status, 2);
  assert.match(piped.stderr, /standard input is packed by gzip/);
});

/** Starts an import of what is written to its standard input, and ends it by a signal after `ms`. */
async function signalled(input: Buffer, signal: NodeJS.Signals, ms: number) {
  const output = at(`run-${runs++}`);
  const child = spawn(process.execPath, ['--import', 'tsx', cli, 'import', '-', '-o', output], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.write(input);
  child.stdin.on('error', () => {});
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  await sleep(ms);
  const sent = performance.now();
  child.kill(signal);
  const [status] = await once(child, 'exit');
  child.stdin.destroy();
  return { status, took: performance.now() - sent, errors, output };
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends an import that waits for a pipe; what was read is kept and marked`, async () => {
    const input = new Records().wallClock(5000n * second, 1_500_000_000, 0).reads(50, 5000n * second).bytes;
    const { status, took, errors, output } = await signalled(input, signal, 2500);
    assert.equal(status, code, errors);
    assert.ok(took < 2000, `${took} ms`);
    const { summary } = await openRun(output);
    assert.equal(summary.reads.count, 50);
    assert.equal(summary.integrity.complete, false);
    assert.match(
      summary.integrity.defects[0]?.message ?? '',
      new RegExp(`interrupted by ${signal} when 100 events`),
    );
  });
}

test('a signal before anything was read leaves nothing behind', async () => {
  const { status, output } = await signalled(Buffer.alloc(0), 'SIGINT', 2500);
  assert.equal(status, 130);
  assert.equal(existsSync(output), false);
});

test('an abort ends a long import at once', async () => {
  const part = new Records(0).reads(50_000, 5000n * second).bytes;
  const many = Buffer.concat(Array.from({ length: 40 }, (_, i) => later(part, i)));
  writeFileSync(at('long.blktrace.0.gz'), gzipSync(many, { level: 1 }));
  const reason = new Error('enough');
  const importUntil = async (ms: number) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), ms);
    const began = performance.now();
    const made = await importTrace({
      paths: [at('long')],
      output: at(`run-${runs++}`),
      signal: controller.signal,
    });
    assert.ok(performance.now() - began - ms < 5000);
    return made;
  };
  // A busy machine may have read nothing by then, and there is no run.
  const { run, problem } = await importUntil(300).catch(() => importUntil(1000));
  assert.equal(problem, reason);
  assert.ok(run.summary.integrity.eventsRead < 4_000_000, `${run.summary.integrity.eventsRead}`);
  assert.ok(codes(run.summary).includes('IMPORT_INTERRUPTED'));
  rmSync(at('long.blktrace.0.gz'));
});

/** The same records `i` hundreds of seconds later, with sequence numbers that go on. */
function later(part: Buffer, i: number): Buffer {
  const moved = Buffer.from(part);
  for (let start = 0; start < moved.length; start += 48) {
    moved.writeUInt32LE(moved.readUInt32LE(start + 4) + i * (part.length / 48), start + 4);
    moved.writeBigUInt64LE(moved.readBigUInt64LE(start + 8) + BigInt(i) * 100n * second, start + 8);
  }
  return moved;
}

test('queue events that were not traced are made on request, once a request, marked; btt and fio then work', async () => {
  const trace = new Records().reads(20, 5000n * second);
  // Given back by the driver and issued again: one request.
  trace.add(5001n * second, actions.issue, 8).add(5001n * second + 1000n, actions.requeue, 8);
  trace.add(5001n * second + 2000n, actions.issue, 8).add(5001n * second + 100_000n, actions.complete, 8);
  // Turned away before its first issue: one as well.
  trace.add(5002n * second, actions.requeue, 16).add(5002n * second + 1000n, actions.issue, 16);
  trace.add(5002n * second + 101_000n, actions.complete, 16);
  write('needed.blktrace.0', trace);
  const { run } = await imported(['needed'], true);
  assert.match(
    (await exportRun(run, { format: 'blktrace', output: at('bare') })) ?? '',
    /no queue events .*--make-queues/,
  );
  assert.equal(await exportRun(run, { format: 'blktrace', output: at('made'), makeQueues: true }), null);
  await assert.rejects(
    exportRun(run, { format: 'csv', output: at('made.csv'), makeQueues: true }),
    /blktrace/,
  );
  await run[Symbol.asyncDispose]();

  execFileSync('blkparse', ['-i', 'made', '-q', '-O', '-d', 'made.bin'], { cwd: folder, stdio: 'ignore' });
  const btt = execFileSync('btt', ['-i', 'made.bin'], { cwd: folder, encoding: 'utf8' });
  assert.match(btt, /^D2C +0\.000098\d* +0\.0000\d+ +0\.0001\d+ +22$/m);
  assert.match(btt, /^Q2C +\S+ +\S+ +\S+ +22$/m);
  const text = execFileSync('blkparse', ['-i', 'made', '-q'], { cwd: folder, encoding: 'utf8' });
  assert.match(text, / m +N blkscope: queue events \(Q\) were made at the time of issue/);
  if (existsSync('/usr/bin/fio')) {
    writeFileSync(at('disk'), Buffer.alloc(128 * 2 ** 20));
    const replay = [
      '--name=replay',
      '--read_iolog=made.bin',
      '--replay_redirect=disk',
      '--replay_no_stall=1',
    ];
    const fio = spawnSync('fio', [...replay, '--output-format=json'], { cwd: folder, encoding: 'utf8' });
    assert.equal(JSON.parse(fio.stdout).jobs[0].read.total_ios, 22, fio.stdout + fio.stderr);
  }

  const { run: again } = await imported(['made'], true);
  assert.ok(codes(again.summary).includes('MADE_QUEUES'));
  assert.equal(again.summary.source.actions.Q, 22);
  const own = await exportRun(again, { format: 'blktrace', output: at('own'), makeQueues: true });
  await again[Symbol.asyncDispose]();
  assert.match(own ?? '', /no queue events were made/);
});

// Traces that are cut, mixed, packed, or whose times are odd: each has figures that are right, or a word on what is not.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { importTrace } from '../../../src/trace-file/import-trace.js';
import { actions as A, Records } from './records.js';

let folder: string;
let cases = 0;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-odd-'));
});
after(() => rmSync(folder, { recursive: true }));

type Files = Record<string, Buffer>;

async function imported(files: Files, names = ['t'], prepare?: (at: string) => void): Promise<Summary> {
  const at = join(folder, `${cases++}`);
  mkdirSync(at);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(at, name), bytes);
  prepare?.(at);
  const paths = names.map((name) => join(at, name));
  const { run } = await importTrace({ paths, output: join(at, 'run'), store: false });
  await using _ = run;
  return run.summary;
}

const second = 1_000_000_000n;
const ten = (start = second) => new Records().reads(10, start).bytes;
const without = (bytes: Buffer, count: number) => bytes.subarray(0, bytes.length - count);

interface Right {
  reads: number;
  d2cNs?: number | null;
  unique?: number;
  defects?: string[];
  requests?: Partial<Summary['requests']>;
}

function requireRight(
  summary: Summary,
  { reads, d2cNs = 100_000, unique, defects = [], requests = {} }: Right,
) {
  assert.equal(summary.reads.count, reads);
  assert.equal(summary.latency.d2c?.mean ?? null, d2cNs);
  if (unique !== undefined) assert.equal(summary.reads.uniqueSectors, unique);
  assert.deepEqual(
    summary.integrity.defects.map(({ code }) => code),
    defects,
  );
  const { open, unmatched, requeues } = summary.requests;
  assert.deepEqual({ open, unmatched, requeues }, { open: 0, unmatched: 0, requeues: 0, ...requests });
}

/** A story of one read of 4 KiB, a step a us. */
function story(points: readonly (keyof typeof A)[], records = new Records(), sector = 1000, start = second) {
  points.forEach((point, i) => {
    records.add(start + 1000n * BigInt(i), A[point], sector);
  });
  return records;
}

/** In the byte order of other machines. */
function swapped(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes);
  for (let at = 0; at < other.length; at += 48) {
    for (const field of [0, 4, 24, 28, 32, 36, 40]) other.subarray(at + field, at + field + 4).swap32();
    for (const field of [8, 16]) other.subarray(at + field, at + field + 8).swap64();
    for (const field of [44, 46]) other.subarray(at + field, at + field + 2).swap16();
  }
  return other;
}

const splits = () => {
  const records = new Records();
  for (let i = 0n; i < 5n; i++) {
    records.add(2n * i * second, A.queue, 1000, 32 * 512);
    const pieces = [
      [1024, 8],
      [1000, 8],
      [1008, 16],
    ] as const;
    pieces.forEach(([sector, sectors], k) => {
      records.add(2n * i * second + 100_000n * BigInt(k + 1), A.complete, sector, sectors * 512);
    });
  }
  return records.bytes;
};

const overlaps = () => {
  const records = new Records();
  [
    [1000, 8],
    [1000, 8],
    [1004, 8],
    [2000, 16],
    [3000, 8],
  ].forEach(([sector, sectors], i) => {
    const at = second + 1_000_000n * BigInt(i);
    const bytes = 512 * (sectors as number);
    records.add(at, A.issue, sector as number, bytes).add(at + 100_000n, A.complete, sector as number, bytes);
  });
  return records.bytes;
};

const inputs: Record<string, [Files, Right, string[]?, ((at: string) => void)?]> = {
  'a last record that is cut': [
    { 't.blktrace.0': without(ten(), 20) },
    { reads: 9, defects: ['CUT_RECORD'], requests: { open: 1 } },
  ],
  'a last record of which a byte is there': [
    { 't.blktrace.0': without(ten(), 47) },
    { reads: 9, defects: ['CUT_RECORD'], requests: { open: 1 } },
  ],
  'a record that is cut in the middle of the file costs itself alone': [
    { 't.blktrace.0': Buffer.concat([without(ten(), 30), ten(2n * second)]) },
    { reads: 19, unique: 80, defects: ['NOT_RECORDS'], requests: { open: 1 } },
  ],
  'zeros behind the last record': [
    { 't.blktrace.0': Buffer.concat([ten(), Buffer.alloc(4096)]) },
    { reads: 10, defects: ['NOT_RECORDS'] },
  ],
  'text before the first record': [
    { 't.blktrace.0': Buffer.concat([Buffer.from('block trace\n'), ten()]) },
    { reads: 10, defects: ['NOT_RECORDS'] },
  ],
  'an empty file of an idle CPU': [{ 't.blktrace.0': ten(), 't.blktrace.1': Buffer.alloc(0) }, { reads: 10 }],
  'neighbours that an interrupt swapped': [
    {
      't.blktrace.0': Buffer.concat(
        [0, 2, 1, 3, 4, 5].map((i) => new Records().reads(3, second).bytes.subarray(48 * i, 48 * (i + 1))),
      ),
    },
    { reads: 3 },
  ],
  'three boots': [
    { 'a.blktrace.0': ten(5000n * second), 'b.blktrace.0': ten(), 'c.blktrace.0': ten(90_000n * second) },
    { reads: 30, unique: 80, defects: ['TWO_SESSIONS'] },
    ['a', 'b', 'c'],
  ],
  'two boots in one file': [
    { 't.blktrace.0': Buffer.concat([ten(5000n * second), ten()]) },
    { reads: 20, defects: ['CLOCK_GOES_BACK'] },
  ],
  'two packed pieces in one file': [
    { 't.blktrace.0.gz': Buffer.concat([gzipSync(ten()), gzipSync(ten(2n * second))]) },
    { reads: 20, unique: 80 },
  ],
  'a packed file of one CPU beside a plain one': [
    { 't.blktrace.0': ten(), 't.blktrace.1.gz': gzipSync(new Records(1).reads(10, second).bytes) },
    { reads: 20, unique: 80 },
  ],
  'CPU numbers with wide holes': [
    Object.fromEntries(
      [3, 64, 4095].map((cpu) => [`t.blktrace.${cpu}`, new Records(cpu).reads(5, second).bytes]),
    ),
    { reads: 15, unique: 40, defects: ['FILES_MISSING'] },
  ],
  'a request that was given back twice': [
    { 't.blktrace.0': story(['queue', 'issue', 'requeue', 'issue', 'requeue', 'issue', 'complete']).bytes },
    { reads: 1, d2cNs: 1000, requests: { requeues: 2 } },
  ],
  'a request that was given back last of all': [
    { 't.blktrace.0': story(['issue', 'requeue'], new Records().read(1n, 8), 2000).bytes },
    { reads: 1, requests: { open: 1 } },
  ],
  'a request that was issued before the trace and given back in it': [
    { 't.blktrace.0': story(['requeue', 'issue', 'complete']).bytes },
    { reads: 1, d2cNs: 1000, requests: { requeues: 1 } },
  ],
  'reads that overlap': [{ 't.blktrace.0': overlaps() }, { reads: 5, unique: 36 }],
  'pieces of a bio out of order, from time 0 on': [
    { 't.blktrace.0': splits() },
    { reads: 15, d2cNs: null, unique: 32 },
  ],
  'all at time 0': [
    {
      't.blktrace.0': new Records().add(0n, A.queue, 8).add(0n, A.issue, 8).add(0n, A.complete, 8).bytes,
    },
    { reads: 1, d2cNs: 0 },
  ],
  'one time of years later': [
    { 't.blktrace.0': new Records().reads(10, second).read(2n ** 62n, 8).bytes },
    { reads: 10, defects: ['IMPOSSIBLE_TIMES'] },
  ],
  'the highest time of all': [
    { 't.blktrace.0': new Records().read(2n ** 64n - 100_001n, 8).reads(10, second).bytes },
    { reads: 10, defects: ['IMPOSSIBLE_TIMES'] },
  ],
  'the byte order of another machine': [{ 't.blktrace.0': swapped(ten()) }, { reads: 10, unique: 80 }],
  'one file under three names': [
    { 't.blktrace.0': ten() },
    { reads: 10 },
    ['t', 'hard', 'soft'],
    (at) => {
      linkSync(join(at, 't.blktrace.0'), join(at, 'hard.blktrace.0'));
      symlinkSync(join(at, 't.blktrace.0'), join(at, 'soft.blktrace.0'));
    },
  ],
  'a read of nearly 4 GiB': [
    {
      't.blktrace.0': new Records()
        .add(second, A.issue, 0, 0xfffffe00)
        .add(second + 9n, A.complete, 0, 0xfffffe00).bytes,
    },
    { reads: 1, d2cNs: 9, unique: 8_388_607 },
  ],
  'two devices in one file': [
    {
      't.blktrace.0': Buffer.concat([
        new Records(0, 8 << 20).reads(5, second).bytes,
        new Records(0, (8 << 20) | 16).reads(5, second).bytes,
      ]),
    },
    { reads: 10, unique: 80 },
  ],
};

for (const [name, [files, right, names, prepare]] of Object.entries(inputs)) {
  test(name, async () => requireRight(await imported(files, names, prepare), right));
}

test('times of which none can be are told as such', async () => {
  const files = { 't.blktrace.0': new Records().reads(10, 2n ** 62n).bytes };
  await assert.rejects(imported(files), { code: 'NOT_A_TRACE', message: /time that can be/ });
});

// Twenty reads, issued on CPU 1 and completed on CPU 0: all at the same few times, in which the lower CPU comes first.
const byCpu = () => {
  const [completing, issuing] = [new Records(0), new Records(1)];
  for (let i = 0; i < 20; i++) {
    const at = second + BigInt(i >> 2);
    issuing.add(at, A.issue, 5000 - 8 * (i % 7) + 64 * i);
    completing.add(at, A.complete, 5000 - 8 * (i % 7) + 64 * i);
  }
  return [completing.bytes, issuing.bytes] as const;
};

/** Without what tells of the import itself, such as its files' names. */
function figuresOf({
  reads,
  writes,
  gaps,
  latency,
  requests,
  queueDepthNs,
  timeline,
  readers,
  devices,
}: Summary) {
  const nameless = devices?.map(({ name: _, ...figures }) => figures);
  return { reads, writes, gaps, latency, requests, queueDepthNs, timeline, readers, nameless };
}

test('events of one time give the same figures however the files are named and mixed', async () => {
  const [completing, issuing] = byCpu();
  const right = await imported({ 't.blktrace.0': completing, 't.blktrace.1': issuing });
  requireRight(right, { reads: 20, d2cNs: 0 });
  const records = (bytes: Buffer) =>
    Array.from({ length: bytes.length / 48 }, (_, i) => bytes.subarray(48 * i, 48 * i + 48));
  const mixed = records(completing).flatMap((record, i) => [records(issuing)[i] as Buffer, record]);
  const others: [Files, string[]][] = [
    [{ 'x.blktrace.0': issuing, 'y.blktrace.0': completing }, ['x', 'y']],
    [{ 'x.blktrace.0': issuing, 'y.blktrace.0': completing }, ['y', 'x']],
    [{ dump: Buffer.concat([issuing, completing]) }, ['dump']],
    [{ dump: Buffer.concat([completing, issuing]) }, ['dump']],
    [{ dump: Buffer.concat(mixed) }, ['dump']],
  ];
  for (const [files, names] of others)
    assert.deepEqual(figuresOf(await imported(files, names)), figuresOf(right));
});

test('several CPUs in order of time are read without a copy, and out of order they are refused', async () => {
  const one = new Records(0).reads(400, second);
  const other = new Records(1).reads(400, 2n * second);
  const ordered = Buffer.concat([one.bytes, other.bytes]);
  const mixed = Buffer.concat([other.bytes, one.bytes]);
  const at = mkdtempSync(join(folder, 'in-order-'));
  writeFileSync(join(at, 'ordered'), ordered);
  writeFileSync(join(at, 'mixed'), mixed);
  const read = (name: string, inOrder: boolean) =>
    importTrace({
      paths: [join(at, name)],
      output: join(at, `run-${name}-${inOrder}`),
      store: false,
      inOrder,
    });
  requireRight((await read('ordered', true)).run.summary, { reads: 800 });
  requireRight((await read('mixed', false)).run.summary, { reads: 800 });
  await assert.rejects(read('mixed', true), {
    code: 'NOT_IN_ORDER',
    message: /\d+ ns earlier than the one before it: import it without --in-order/,
  });
});

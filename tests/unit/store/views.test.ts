import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { DuckDBConnection } from '@duckdb/node-api';
import { openRun, type Run } from '../../../src/store/open-run.js';
import { writeStoredRun } from './stored-run.js';

const second = 1_000_000_000;
const reads = [
  { time: 1000, sector: 1000, sectors: 8 },
  { time: 2000, sector: 1000, sectors: 8 },
  { time: 3000, sector: 1004, sectors: 8 },
  { time: 3 * second, sector: 2000, sectors: 16 },
  { time: 3 * second + 500, sector: 3000, sectors: 8 },
  { time: 3 * second + 900, sector: 9000, sectors: 8, error: 5 },
];

let folder: string;
let run: Run;
let db: DuckDBConnection;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-views-'));
  await writeStoredRun(join(folder, 'one'), reads, 36);
  run = await openRun(join(folder, 'one'));
  db = await run.connect();
});
after(async () => {
  await run[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const rows = async (sql: string) => (await db.runAndReadAll(sql)).getRowsJson();

test('unique sectors come out the same three ways', async () => {
  const expected = [
    ['merged', '36'],
    ['native', '36'],
    ['series', '36'],
  ];
  assert.deepEqual(await rows('FROM unique_sectors ORDER BY method'), expected);
});

test('also of reads that begin at one sector, of one length or of several, in any order', async () => {
  const next = randomNumbers(5);
  for (let round = 0; round < 8; round++) {
    const many = Array.from({ length: 100 }, (_, i) => ({
      time: 1000 * (i + 1),
      sector: 8 * next(400),
      sectors: 8 * (1 + next(8)),
    }));
    const union = new Set(
      many.flatMap(({ sector, sectors }) => Array.from({ length: sectors }, (_, i) => sector + i)),
    );
    const path = join(folder, `random-${round}`);
    await writeStoredRun(path, many, union.size);
    await using other = await openRun(path);
    const connection = await other.connect();
    const found = (
      await connection.runAndReadAll('SELECT DISTINCT sectors FROM unique_sectors')
    ).getRowsJson();
    assert.deepEqual(found, [[String(union.size)]], `round ${round}`);
  }
});

/** The same numbers each time, each below what is asked for. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

test('every second has its row of bandwidth, also the empty ones', async () => {
  assert.deepEqual(await rows('SELECT second, read_bytes, reads FROM bandwidth'), [
    ['0', String(24 * 512), '3'],
    ['1', '0', '0'],
    // Seconds count from the first event, at 900 ns.
    ['2', String(24 * 512), '2'],
    // Only the failed read falls here.
    ['3', '0', '0'],
  ]);
});

test('a difference below 0 is a number: nothing that somebody may subtract is unsigned', async () => {
  assert.deepEqual(await rows('SELECT min(sector) - max(sector), min(time) - max(time) FROM event'), [
    ['-8000', String(900 - (3 * second + 900))],
  ]);
  const unsigned = await rows(
    `SELECT table_name, column_name FROM information_schema.columns
     WHERE data_type LIKE 'U%' AND column_name NOT IN
       ('device', 'number', 'pid', 'cpu', 'flags', 'error', 'schema_version', 'fromDevice', 'payload')`,
  );
  assert.deepEqual(unsigned, []);
});

test('gaps follow the order of issue, classed by their size', async () => {
  assert.deepEqual(await rows('SELECT gap, class FROM gap ORDER BY time'), [
    ['-8', 'backward'],
    ['-4', 'backward'],
    ['988', 'medium'],
    ['984', 'medium'],
    ['5992', 'large'],
  ]);
});

test('latencies, re-reads, tensors and tokens are told as they were', async () => {
  assert.deepEqual(await rows('SELECT direction, span, count, p50 FROM latency'), [
    // Not of the one that failed.
    ['read', 'd2c', '5', '100'],
    ['read', 'q2c', '5', '300'],
    ['read', 'q2d', '5', '200'],
  ]);
  // 1000-1003 twice, 1004-1007 three times, 1008-1011 once.
  assert.deepEqual(await rows('FROM reread'), [
    [1, String(4 + 16 + 8)],
    [2, '4'],
    [3, '4'],
  ]);
  // The second tensor begins in the middle of the first extent and goes on in the second.
  assert.deepEqual(await rows('SELECT name, bytes, unique_bytes, read_bytes FROM tensor_coverage'), [
    ['token_embd.weight', '6144', '6144', String(24 * 512)],
    ['blk.0.attn_q.weight', '10240', '8192', '8192'],
  ]);
  assert.deepEqual(await rows('SELECT index, read_bytes, reads FROM token_bytes'), [
    [0, String(24 * 512), '3'],
    [1, String(24 * 512), '2'],
  ]);
  assert.deepEqual(
    await rows(
      'SELECT sector, queue, getrq, process, "fileOffset", tensor FROM io WHERE complete >= 3000 ORDER BY sector',
    ),
    [
      ['1004', '2700', null, 'llama-cli', '2048', 'token_embd.weight'],
      ['2000', '2999999700', null, 'llama-cli', '8192', 'blk.0.attn_q.weight'],
      ['3000', '3000000200', null, 'llama-cli', null, null],
      ['9000', null, null, 'llama-cli', null, null],
    ],
  );
  assert.deepEqual(await rows('SELECT name, start, "uniqueBytes" FROM phase ORDER BY start'), [
    ['prompt', '500', '6144'],
    ['generation', '1500', '6144'],
  ]);
  assert.deepEqual(await rows('SELECT host, started_ns, epoch(started) FROM run'), [
    ['alpha', '1', 1783512000],
  ]);
});

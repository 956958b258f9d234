// Traces that have lost some of their events: the summary and SQL tell the same of them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { DuckDBConnection } from '@duckdb/node-api';
import { importTrace } from '../../../src/trace-file/import-trace.js';
import { actions, Records } from './records.js';

const disk = (8 << 20) | 16;
const mapper = 253 << 20;
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-lost-'));
});
after(() => rmSync(folder, { recursive: true }));

/** Numbers from 0 to below 1, the same for a seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Told {
  time: number;
  action: number;
  sector: number;
  bytes: number;
}

/** What a device tells of reads, several at a time and of few places: so `life` says, action by action. */
function reads(random: () => number, life: (random: () => number) => readonly number[]): Told[] {
  const below = (most: number) => Math.floor(random() * most);
  return Array.from({ length: 400 }, (_, i) => {
    const [sector, bytes] = [8 * below(60), 4096 * (1 + below(3))];
    let time = 1e9 + 50_000 * i;
    return life(random).map((action) => {
      time += 1 + below(400_000);
      return { time, action, sector, bytes };
    });
  }).flat();
}

const { queue, getrq, insert, issue, requeue, complete } = actions;
const lives = {
  plain: () => [issue, complete],
  whole: () => [queue, getrq, insert, issue, complete],
  requeued: (random: () => number) =>
    random() < 0.4 ? [issue, requeue, issue, requeue, requeue, issue, complete] : [queue, issue, complete],
  turnedAway: (random: () => number) =>
    random() < 0.4 ? [queue, requeue, issue, complete] : [queue, issue, requeue, issue, complete, complete],
};

const gapsOf = async (db: DuckDBConnection, device: number) => {
  const found = await db.runAndReadAll(
    `SELECT class, count(*)::INTEGER FROM gap WHERE direction = 'read' AND device = ${device} GROUP BY class`,
  );
  return Object.fromEntries(found.getRows() as [string, number][]);
};

const nonZero = (counts: object) => Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));

for (const [name, life] of Object.entries(lives)) {
  test(`gaps in SQL are those of the summary, whatever is lost: ${name}`, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const random = randomOf(seed);
      const records = [
        { at: new Records(0, disk), told: reads(random, life) },
        { at: new Records(1, mapper), told: reads(random, () => [queue, complete, complete]) },
      ];
      const lost = seed === 1 ? 0 : random() * 0.3;
      for (const { at, told } of records) {
        for (const { time, action, sector, bytes } of told.toSorted((a, b) => a.time - b.time))
          if (random() >= lost) at.add(BigInt(time), action, sector, bytes);
      }
      const base = join(folder, `${name}${seed}`);
      for (const [cpu, { at }] of records.entries()) writeFileSync(`${base}.blktrace.${cpu}`, at.bytes);
      await using run = (await importTrace({ paths: [base], output: `${base}-run` })).run;
      const db = await run.connect();
      for (const { number, gaps } of run.summary.devices ?? [])
        assert.deepEqual(await gapsOf(db, number), nonZero(gaps ?? {}), `seed ${seed}, device ${number}`);
      const told = await db.runAndReadAll(
        "SELECT count(*)::INTEGER, sum(sectors)::DOUBLE FROM completed WHERE direction = 'read'",
      );
      const { reads: counted } = run.summary;
      assert.deepEqual(told.getRows(), [[counted.count, counted.bytes / 512]]);
    }
  });
}

test('a damaged sector beyond every disk is in the order as any other', async () => {
  const at = new Records(0, disk);
  for (const [i, sector] of [64, 2 ** 63 - 1024, 2 ** 63, 2 ** 64 - 2 ** 12, 8].entries()) {
    at.add(BigInt(1e9 + 1000 * i), issue, sector, 2 ** 20);
    at.add(BigInt(1e9 + 1000 * i + 500), complete, sector, 2 ** 20);
  }
  const base = join(folder, 'beyond');
  writeFileSync(`${base}.blktrace.0`, at.bytes);
  await using run = (await importTrace({ paths: [base], output: `${base}-run` })).run;
  const gaps = await gapsOf(await run.connect(), disk);
  assert.equal(
    Object.values(gaps).reduce((sum, count) => sum + count, 0),
    4,
  );
});

// What the core counts by, what the store's views count by and what src/native/trace.ts lists are the same, edge by edge.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type GapClass, gapClasses, type Stage, stages } from '../../../src/native/trace.js';
import { importTrace } from '../../../src/trace-file/import-trace.js';
import { actions, Records } from './records.js';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-lists-'));
});
after(() => rmSync(folder, { recursive: true }));

async function imported(name: string, records: Records) {
  writeFileSync(join(folder, `${name}.blktrace.0`), records.bytes);
  return await importTrace({ paths: [join(folder, name)], output: join(folder, `run-${name}`) });
}

function classOf(gap: number): GapClass {
  const above = Object.entries(gapClasses).filter(([, { below }]) => gap < below);
  const [least] = above.toSorted(([, a], [, b]) => a.below - b.below);
  return (least as [GapClass, unknown])[0];
}

test('a gap is of the same class in the core, in SQL and by the list, at the edges of every class', async () => {
  const limits = Object.values(gapClasses).flatMap(({ below }) => (Number.isFinite(below) ? [below] : []));
  const gaps = [...limits.flatMap((limit) => [limit - 1, limit, limit + 1]), -(2 ** 40), 2 ** 41];
  const records = new Records();
  let sector = 2 ** 42;
  records.read(1_000_000_000n, sector);
  gaps.forEach((gap, i) => {
    sector += 8 + gap;
    records.read(1_000_000_000n + 1_000_000n * BigInt(i + 1), sector);
  });
  const { run } = await imported('gaps', records);
  await using _ = run;
  const byClass = Object.fromEntries(
    (Object.keys(gapClasses) as GapClass[]).map((name) => [
      name,
      gaps.filter((gap) => classOf(gap) === name).length,
    ]),
  );
  assert.ok(
    Object.values(byClass).every((count) => count > 1),
    JSON.stringify(byClass),
  );
  assert.deepEqual(run.summary.gaps.device, byClass);
  const rows = await (await run.connect()).runAndReadAll('SELECT gap::BIGINT, class FROM gap ORDER BY time');
  assert.deepEqual(
    rows.getRows().map(([gap, name]) => [Number(gap), name]),
    gaps.map((gap) => [gap, classOf(gap)]),
  );
});

// Steps of which no two sums are alike. The third read completes at a time before its issue, by another processor's clock.
const orderly = { queue: 0, getrq: 3, insert: 10, issue: 31, complete: 130 };
const reads = [orderly, { ...orderly, complete: 230 }, { ...orderly, complete: 20 }];

test('a stage lasts from where to where the list says, in the core and in SQL, also where clocks differ', async () => {
  const records = new Records();
  reads.forEach((times, i) => {
    const start = 1_000_000_000n + 1_000_000n * BigInt(i);
    for (const [point, at] of Object.entries(times).toSorted(([, a], [, b]) => a - b)) {
      records.add(start + 1000n * BigInt(at), actions[point as keyof typeof actions], 1000 + 64 * i);
    }
  });
  const { run } = await imported('stages', records);
  await using _ = run;
  const told = run.summary.latency;
  const rows = await (await run.connect()).runAndReadAll(
    "SELECT span, count::INTEGER, min::DOUBLE, mean, max::DOUBLE FROM latency WHERE direction = 'read'",
  );
  const bySql = new Map(rows.getRows().map(([span, ...values]) => [span, values]));
  for (const [stage, { from, to }] of Object.entries(stages) as [Stage, (typeof stages)[Stage]][]) {
    if (to === 'merge') continue; // no request tells of it
    // What completed before its issue, by its time, did so at the time of the issue.
    const end = (times: typeof orderly) => (to === 'complete' ? Math.max(times[to], times.issue) : times[to]);
    const took = reads.map((times) => 1000 * (end(times) - times[from]));
    const right = [
      took.length,
      Math.min(...took),
      took.reduce((a, b) => a + b) / took.length,
      Math.max(...took),
    ];
    const { count, min, mean, max } = told[stage] ?? {};
    assert.deepEqual([count, min, mean, max], right, stage);
    assert.deepEqual(bySql.get(stage), right, `${stage} in SQL`);
    bySql.delete(stage);
  }
  assert.deepEqual([...bySql.keys()], []);
});

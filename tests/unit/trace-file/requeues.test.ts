// A request has one place in the order of reads, its first issue, however often the driver gave it back.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { renderNaive } from '../../../src/report/naive.js';
import { importTrace } from '../../../src/trace-file/import-trace.js';
import { actions, Records } from './records.js';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-requeues-'));
});
after(() => rmSync(folder, { recursive: true }));

async function imported(name: string, records: Records) {
  writeFileSync(join(folder, `${name}.blktrace.0`), records.bytes);
  return await importTrace({ paths: [join(folder, name)], output: join(folder, `run-${name}`) });
}

/** A story told at 1 us a step. */
function told(story: readonly (readonly [keyof typeof actions, number])[]): Records {
  const records = new Records();
  story.forEach(([action, sector], i) => {
    records.add(1_000_000_000n + 1000n * BigInt(i), actions[action], sector);
  });
  return records;
}

/** 200 reads, four in flight, one after the other on the disk; of three in four the first issues are given back. */
function fullQueue(): Records {
  const story: [keyof typeof actions, number][] = [];
  const inFlight: number[] = [];
  for (let i = 0; i < 200; i++) {
    const sector = 1000 + 8 * i;
    story.push(['queue', sector], ['issue', sector]);
    for (let times = i % 4; times > 0; times--) story.push(['requeue', sector], ['issue', sector]);
    inFlight.push(sector);
    if (inFlight.length === 4) story.push(['complete', inFlight.splice(i % 3, 1)[0] as number]);
  }
  return told([...story, ...inFlight.map((sector) => ['complete', sector] as const)]);
}

test('requeues are counted, and are in no gap: gaps are the completed reads less one a device', async () => {
  const { run } = await imported('queue', fullQueue());
  await using _ = run;
  const { reads, requests, gaps, readers, sequentialShare, backwardShare } = run.summary;
  const inOrder = { sequential: 199, small: 0, medium: 0, large: 0, backward: 0 };
  assert.equal(reads.count, 200);
  assert.deepEqual(requests, {
    matched: 200,
    unmatched: 0,
    givenUp: 0,
    open: 0,
    requeues: 300,
    passthrough: 0,
  });
  assert.deepEqual(gaps.device, inOrder);
  assert.deepEqual(gaps.demand, inOrder);
  assert.deepEqual(readers?.[0]?.gaps, inOrder);
  assert.deepEqual([sequentialShare, backwardShare], [1, 0]);
  assert.match(renderNaive(run.summary), /gaps: sequential +\S+ % +100\.0 %/);
});

test('the view gap counts as the summary does, also of two at one sector and of what was issued before the trace', async () => {
  const records = told([
    ...([
      ['requeue', 500],
      ['issue', 500],
      ['complete', 500],
    ] as const),
    ...([
      ['issue', 1000],
      ['issue', 1000],
      ['requeue', 1000],
      ['requeue', 1000],
      ['issue', 1000],
    ] as const),
    ...([
      ['issue', 1000],
      ['complete', 1000],
      ['complete', 1000],
    ] as const),
    ...([
      ['issue', 1008],
      ['complete', 1008],
      ['issue', 1008],
      ['complete', 1008],
    ] as const),
  ]);
  const { run } = await imported('several', records);
  await using _ = run;
  const { summary } = run;
  assert.equal(summary.requests.requeues, 3);
  assert.deepEqual(summary.gaps.device, { sequential: 1, small: 0, medium: 0, large: 0, backward: 2 });
  const classes = await (await run.connect()).runAndReadAll('SELECT class FROM gap ORDER BY time');
  assert.deepEqual(classes.getRows(), [['backward'], ['sequential'], ['backward']]);
});

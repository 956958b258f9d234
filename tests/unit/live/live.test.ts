import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CaptureProgress } from '../../../src/capture/progress.js';
import type { Tracer } from '../../../src/capture/tracer.js';
import { LiveRun, mapRows } from '../../../src/live/live-run.js';
import { runPicture, topPicture } from '../../../src/live/picture.js';
import { TopTable } from '../../../src/live/top-table.js';
import type { NativeReads } from '../../../src/native/trace.js';
import { eventsOf } from '../store/stored-run.js';

const disk = 254 << 20;
const evil = 'model\x1b[2J\n<script>.gguf';

/** A file of 2,400 sectors in two pieces, the second before the first on the disk. */
const extents = [
  {
    bytes: 2400 * 512,
    fileOffsets: BigUint64Array.of(0n, 1200n * 512n),
    sectors: BigUint64Array.of(10_000n, 5_000n),
    sectorCounts: BigUint64Array.of(1200n, 1200n),
  },
];

const readsOf = (reads: [sector: number, sectors: number][], device = disk): NativeReads => ({
  time: new BigUint64Array(reads.length),
  sector: BigUint64Array.from(reads, ([sector]) => BigInt(sector)),
  sectors: Uint32Array.from(reads, ([, sectors]) => sectors),
  device: new Uint32Array(reads.length).fill(device),
  missed: 0,
});

const progress = {
  events: 10,
  dropped: 0,
  spoolBytes: 0,
  readBytesPerSecond: 1e6,
  eventsPerSecond: 5,
} as CaptureProgress;

function liveOf(...all: NativeReads[]): LiveRun {
  const tracer = { takeReads: () => all.shift() ?? readsOf([]) } as unknown as Tracer;
  const live = new LiveRun({
    tracer,
    device: disk,
    extents,
    model: null,
    samples: [{ time: 1n, metric: 'modelCachedBytes', value: 600 * 512 }],
  });
  return live;
}

test('a live view counts what is read of the files, what of it for the first time, and what lies elsewhere', () => {
  const live = liveOf(
    readsOf([
      [10_000, 1200],
      [10_100, 100],
      [4_900, 200],
      [900_000, 8],
    ]),
    readsOf([[5_000, 50]], disk + 1),
  );
  live.mark({ kind: 'promptDone', time: 1n });
  live.mark({ kind: 'token', time: 2n, index: 0 });
  live.tick(progress, 60);
  assert.equal(live.readBytes, (1200 + 100 + 100) * 512);
  assert.equal(live.uniqueBytes, 1300 * 512);
  assert.equal(live.otherBytes, 108 * 512);
  const [column] = live.columns;
  assert.equal(column?.length, mapRows);
  assert.equal(
    column?.reduce((sum, bytes) => sum + bytes, 0),
    live.readBytes,
  );
  assert.equal(column?.[mapRows / 2], 100 * 512, 'the second piece begins in the middle');
  live.tick(progress, 60);
  assert.equal(live.readBytes, 1400 * 512, 'another disk is not the files');
  live.tick(progress, 2);
  assert.equal(live.columns.length, 2);
});

test('the picture fits, and shows names without obeying them', () => {
  const live = liveOf(readsOf([[10_000, 1200]]));
  live.tick({ ...progress, dropped: 3 }, 60);
  for (const [columns, rows] of [
    [100, 36],
    [60, 18],
    [40, 10],
  ] as const) {
    const lines = runPicture(live, evil, columns, rows);
    assert.ok(lines.length <= rows, `${lines.length} of ${rows} rows`);
    for (const { text } of lines) {
      assert.ok(text.length <= columns, text);
      assert.doesNotMatch(text, /\p{Cc}|NaN|undefined/u);
    }
  }
  const text = runPicture(live, evil, 100, 36)
    .map((line) => line.text)
    .join('\n');
  assert.match(text, /model\\x1b\[2J\\x0a<script>\.gguf/);
  assert.match(text, /read at least once +50\.0 %/);
  assert.match(text, /each byte so far +1\.00 x/);
  assert.match(text, /of it cached now +300 KiB/);
  assert.match(text, /events lost +3/);
});

test('top adds up by process: rate, order and how long reads take', () => {
  const table = new TopTable();
  const batch = eventsOf([
    { time: 1000, sector: 0, sectors: 8 },
    { time: 2000, sector: 8, sectors: 8 },
    { time: 3000, sector: 800, sectors: 8 },
    { time: 4000, sector: 16, sectors: 8, error: 5 },
  ]);
  table.add(batch as never);
  const [row, ...more] = table.take(2);
  assert.deepEqual(more, []);
  assert.equal(row?.bytesPerSecond, (3 * 4096) / 2);
  assert.equal(row?.readsPerSecond, 1.5);
  assert.equal(row?.sequentialShare, 0.5);
  assert.equal(row?.meanNs, 100);
  assert.deepEqual(table.take(1), []);
  const odd = eventsOf([
    { time: 1000, sector: 0, sectors: 8 },
    { time: 2000, sector: 8, sectors: 8 },
    { time: 3000, sector: 16, sectors: 8 },
    { time: 4000, sector: 24, sectors: 8 },
  ]);
  odd.flags.set([0, 256, 32, 32, 512, 256]); // a second completion; a command; a completion with an earlier time than its issue
  odd.action[6] = 0; // a device that tells of no issue
  odd.pid[7] = 0;
  table.add(odd as never);
  const [counted, ...none] = table.take(1);
  assert.deepEqual([counted?.readsPerSecond, counted?.meanNs, none.length], [2, 100, 0]);
  const lines = topPicture(
    [{ ...(row as NonNullable<typeof row>), process: evil, file: evil }],
    evil,
    80,
    24,
    0.0123,
  );
  assert.match(lines.at(-1)?.text ?? '', /this view take 1\.2 % of one CPU/);
  for (const { text } of lines) assert.ok(text.length <= 80 && !/\p{Cc}/u.test(text), text);
});

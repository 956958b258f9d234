import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventBatch } from '../../../src/capture/batch.js';
import { RequestReads } from '../../../src/figures/request-reads.js';
import { newRequest, type ServedRequest } from '../../../src/workload/open-requests.js';
import { eventsOf, iosOf, type Read } from '../store/stored-run.js';

const disk = 254 << 20;
const endNs = 1_000_000;

/** Numbers below `most`, the same each time. */
function numbers(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % most;
  };
}

/** What completed from one time to before another. */
const readBetween = (reads: readonly Read[], from: number, to: number) =>
  reads.filter(({ time }) => time >= from && time < to).reduce((sum, { sectors }) => sum + sectors * 512, 0);

function requestOf(
  id: string,
  [start, promptDone, end]: readonly [number, number | null, number | null],
): ServedRequest {
  const ns = (time: number | null) => (time === null ? null : BigInt(time));
  return { ...newRequest(id, BigInt(start)), promptDoneAt: ns(promptDone), endedAt: ns(end) };
}

test('what was read for each of many requests that overlap, and while any of them generated', () => {
  const next = numbers(7);
  const reads = Array.from(
    { length: 3000 },
    (_, i): Read => ({ time: 200 + i * 300, sector: 8 * next(100), sectors: 8 }),
  );
  const times = Array.from({ length: 500 }, () => {
    const start = next(900_000);
    const promptDone = next(4) === 0 ? null : start + next(20_000);
    const end = next(10) === 0 ? null : (promptDone ?? start) + next(30_000);
    return [start, promptDone, end] as const;
  });
  const extents = {
    bytes: 4096 * 100,
    fileOffsets: BigUint64Array.of(0n),
    sectors: BigUint64Array.of(0n),
    sectorCounts: BigUint64Array.of(800n),
  };
  const requests = times.map((each, i) => requestOf(`${i}`, each));
  const joined = new RequestReads([extents], disk, requests, BigInt(endNs));
  joined.consume(eventBatch({ ...eventsOf(reads), ios: iosOf([]) }));
  const results = joined.results();
  times.forEach(([start, promptDone, end], i) => {
    const found = results.requests[i];
    assert.equal(found?.readBytes, readBetween(reads, start, end ?? endNs));
    const generated = promptDone === null ? null : readBetween(reads, promptDone, end ?? endNs);
    assert.equal(found?.generationBytes, generated);
    assert.equal(found?.promptBytes, generated === null ? null : found.readBytes - generated);
  });
  const generating = reads.filter(({ time }) =>
    times.some(([, promptDone, end]) => promptDone !== null && time >= promptDone && time < (end ?? endNs)),
  );
  assert.equal(results.generationBytes, generating.length * 4096);
});

test('without a request that generated nothing is known of that', () => {
  const joined = new RequestReads([], disk, [requestOf('a', [1, null, 5])], 10n);
  assert.equal(joined.results().generationBytes, null);
});

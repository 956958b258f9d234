import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PageCache } from '../../../src/advise/page-cache.js';
import { simulate } from '../../../src/advise/simulate.js';
import { speedModel } from '../../../src/advise/speed.js';
import type { Region } from '../../../src/model/regions.js';
import { summaryFixture } from '../figures/summary-fixture.js';

const MiB = 2 ** 20;

/** Walks the whole file `rounds` times; what each round read. */
function walked(cache: PageCache, blocks: number, rounds: number): number[] {
  return Array.from({ length: rounds }, () => {
    const before = cache.readBlocks;
    for (let block = 0; block < blocks; block++) cache.access(block);
    return cache.readBlocks - before;
  });
}

test('a file that fits is read once', () => {
  assert.deepEqual(walked(new PageCache(1000, 1000, 16), 1000, 3), [1000, 0, 0]);
});

test('walked in a circle, a file that does not quite fit is read whole every time', () => {
  const reads = walked(new PageCache(10_000, 8500, 16), 10_000, 4);
  assert.ok(
    reads.every((blocks) => blocks >= 9900 && blocks <= 10_200),
    `${reads}`,
  );
});

test('what is pinned is never read, and leaves the circle', () => {
  const cache = new PageCache(10_000, 1000, 16);
  cache.pin(0, 7500);
  const reads = walked(cache, 10_000, 4);
  assert.ok(
    reads.every((blocks) => blocks >= 1500 && blocks <= 2700),
    `${reads}`,
  );
});

test('without readahead each block is waited for; with it one of a window', () => {
  const none = new PageCache(10_000, 1000, 0);
  walked(none, 10_000, 1);
  assert.equal(none.waits, 10_000);
  const ahead = new PageCache(10_000, 1000, 16);
  walked(ahead, 10_000, 1);
  assert.ok(ahead.waits < 100, `${ahead.waits}`);
});

/** A layer of 32 experts of 1 MiB. */
const experts: Region[] = Array.from({ length: 32 }, (_, expert) => ({
  ...{ part: 0, offset: expert * MiB, bytes: MiB, tensor: 'blk.0.ffn_up_exps.weight' },
  ...{ role: 'experts' as const, layer: 0, stack: '', expert },
}));

test('readahead larger than what tokens use is read in vain, and costs what memory held', () => {
  const tokens = Array.from({ length: 20 }, (_, token) => [(token * 7) % 32, (token * 13 + 5) % 32]);
  const pattern = { regions: experts, prompt: [], tokens, lookedUp: [] };
  const read = [128, 8192].map((readAheadKib) =>
    simulate(pattern, { pageBytes: 4096, memoryBytes: 12 * MiB, readAheadKib, pinned: [] }),
  );
  const [small, large] = read as [(typeof read)[0], (typeof read)[0]];
  assert.ok(small.bytesPerToken < 3 * MiB, `${small.bytesPerToken}`);
  assert.ok(large.bytesPerToken > 3 * small.bytesPerToken, `${large.bytesPerToken}`);
  assert.ok(large.unusedBytesPerToken > large.bytesPerToken / 2);
});

test('all experts pinned: nothing is read', () => {
  const pattern = { regions: experts, prompt: [], tokens: [[1, 2], [30]], lookedUp: [] };
  const pinned = [{ ranges: [{ offset: 0, bytes: 32 * MiB }] }];
  assert.equal(
    simulate(pattern, { pageBytes: 4096, memoryBytes: 40 * MiB, readAheadKib: 128, pinned }).bytesPerToken,
    0,
  );
});

test("a run's own speed is foreseen for what it read, more for less, and never more than compute allows", () => {
  const summary = summaryFixture(8, (s) => {
    s.bound = {
      ...{
        computeNsPerToken: 1e8,
        computeFrom: 'warm',
        touchedBytesPerToken: 100 * MiB,
        keptBytes: 0,
        bandwidth: 1000 * MiB,
      },
      ...{ sequentialBandwidth: 1000 * MiB, randomBandwidth: 400 * MiB, tokensPerSecond: 10, ratio: 0.1 },
      ...{ touchedMostBytesPerToken: null, lowTokensPerSecond: null },
      ...{ reReadBytesPerToken: 0, unusedBytesPerToken: 0, waitNsPerToken: 0 },
    };
  });
  const speed = speedModel(summary, 4096);
  assert.ok(speed);
  const own = summary.workload?.bytesPerToken ?? 0;
  assert.ok(Math.abs(speed.tokensPerSecond(own, 128) - 1) < 1e-6, 'as measured: 1 token a second');
  assert.ok(speed.tokensPerSecond(own / 4, 128) > 2);
  assert.ok(Math.abs(speed.tokensPerSecond(0, 128) - 10) < 1e-6);
  assert.ok(speed.tokensPerSecond(own, 32) < 1, 'smaller windows wait more often');
});

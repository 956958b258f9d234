import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Measured, Predictor } from '../../../src/advise/predictor.js';
import { simulate } from '../../../src/advise/simulate.js';
import { type SpeedModel, speedModel } from '../../../src/advise/speed.js';
import type { Model } from '../../../src/model/gguf.js';
import type { Region } from '../../../src/model/regions.js';
import { summaryFixture } from '../figures/summary-fixture.js';

const MiB = 2 ** 20;

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
      ...{ reReadBytesPerToken: 0, unusedBytesPerToken: 0, busyNsPerToken: null, remainderNsPerToken: 0 },
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

test('no range of foreseen speeds ends above what computing allows', () => {
  const model = { experts: null, tensors: [], parts: [] } as unknown as Model;
  const measured: Measured = {
    ...{ pageBytes: 4096, memoryBytes: 16 * MiB, readAheadKib: 128, pinnedBytes: 0 },
    ...{ bytesPerToken: 20 * MiB, fromDisk: true },
  };
  const pattern = { regions: experts, prompt: [], tokens: [[...experts.keys()]], lookedUp: [] };
  const computeNs = 1e8;
  const speed: SpeedModel = {
    computeNs,
    tokensPerSecond: (bytes, _, compute = computeNs) => 1e9 / (compute + bytes),
  };
  const predictor = new Predictor(model, measured, [{ pattern, seenShare: 1 }], speed);
  const { tokensPerSecond } = predictor.predict({ ...measured, memoryBytes: 64 * MiB });
  assert.equal(tokensPerSecond.high, 10);
});

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { EventBatch } from '../../../src/capture/batch.js';
import { isFigure, listed, valueAt } from '../../../src/figures/figure.js';
import {
  derivedFigures,
  type Part,
  partFigures,
  phaseFigures,
  traceFigures,
} from '../../../src/figures/figures.js';
import { partOf, toldOf, toldOfPhase } from '../../../src/figures/part.js';
import { native } from '../../../src/native/binding.js';
import { gapClasses, type NativeFigures, type NativeSummary, stages } from '../../../src/native/trace.js';
import { Importer } from '../../../src/trace-file/importer.js';

// A real trace with Q: 150 mixed reads and writes at depth 16, reads through the page cache, mkfs before.
const folder = mkdtempSync(join(tmpdir(), 'blkscope-part-'));
after(() => rmSync(folder, { recursive: true }));
let batches: EventBatch[];
let summary: NativeSummary;

/** One file, on the disk of the trace. */
const files = [
  {
    bytes: 8192 * 512,
    fileOffsets: BigUint64Array.of(0n),
    sectors: BigUint64Array.of(0n),
    sectorCounts: BigUint64Array.of(8192n),
  },
];
let device: number;

async function imported(fileDevice: number): Promise<void> {
  using importer = new Importer({
    traces: [{ path: join(folder, 'deadline') }],
    files,
    fileDevice,
    deliver: true,
    inOrder: false,
  });
  batches = [];
  for await (const batch of importer) batches.push(batch);
  summary = await importer.summary();
}

before(async () => {
  for (const cpu of [0, 1]) {
    const packed = fileURLToPath(
      new URL(`../../fixtures/blktrace/deadline.blktrace.${cpu}.gz`, import.meta.url),
    );
    writeFileSync(join(folder, `deadline.blktrace.${cpu}`), gunzipSync(readFileSync(packed)));
  }
  await imported(0);
  device = batches[0]?.device[0] as number;
  await imported(device);
});

function analysed(window: { fromNs?: bigint; toNs?: bigint; filesOnly?: boolean } = {}): NativeFigures {
  const analysis = new native.Analysis({ files, device, layered: new Uint32Array(), ...window });
  for (const batch of batches) analysis.consume(batch);
  return analysis.finish();
}

/** The core names what it counts once a metric; the hash of processes has no order. */
const ordered = ({ readers, ...figures }: NativeFigures) => ({
  ...figures,
  readers: readers.toSorted((a, b) => a.pid - b.pid),
});

test('events analysed once more give the figures of the trace, file by file too', () => {
  const again = analysed();
  assert.deepEqual(
    Object.keys(again).filter((key) => !(key in summary)),
    [],
  );
  const whole = Object.fromEntries(
    Object.keys(again).map((key) => [key, summary[key as keyof NativeFigures]]),
  );
  assert.deepEqual(ordered(again), ordered(whole as unknown as NativeFigures));
  assert.ok((again.files[0]?.readBytes ?? 0) > 0);
});

test('parts of a trace that lie side by side have all its transfers, an event at a boundary in the later one', () => {
  const times = batches.flatMap(({ time }) => [...time]);
  const cut = times[Math.floor(times.length / 2)] as bigint;
  const [one, other, all] = [analysed({ toNs: cut }), analysed({ fromNs: cut }), analysed()];
  const atCut = times.filter((time) => time < cut).length;
  const events = ({ actions }: NativeFigures) => Object.values(actions).reduce((sum, n) => sum + n, 0);
  assert.equal(events(one), atCut);
  assert.equal(events(one) + events(other), events(all));
  for (const direction of ['reads', 'writes'] as const) {
    assert.equal(one[direction].bytes + other[direction].bytes, all[direction].bytes);
    assert.equal(one[direction].count + other[direction].count, all[direction].count);
  }
  assert.ok(one.reads.count > 0 && other.reads.count > 0);
  assert.throws(() => new native.Analysis({ files, device, layered: new Uint32Array(), fromNs: -1n }), {
    code: 'BAD_ARGUMENT',
  });
});

test('what lands in the files is analysed as if there were nothing else', () => {
  const [all, own] = [analysed(), analysed({ filesOnly: true })];
  const sum = (counts: object | null) => Object.values(counts ?? {}).reduce((total, n) => total + n, 0);
  const fileReads = all.files.reduce((total, { reads }) => total + reads, 0);
  assert.ok(fileReads > 0 && fileReads < all.reads.count, `${fileReads} of ${all.reads.count}`);
  assert.equal(own.reads.count, fileReads);
  assert.equal(sum(own.sizes.read), fileReads);
  assert.deepEqual(own.files, all.files);
  assert.deepEqual(own.gaps.file, all.gaps.file);
  assert.ok(sum(own.gaps.device) < sum(all.gaps.device));
  assert.ok((own.latency.d2c?.count ?? 0) <= (all.latency.d2c?.count ?? 0));
});

test('every figure of the core has its entry, and every entry that is counted comes from the core', () => {
  const { actions: _, files: __, allFiles: ___, ...counted } = analysed();
  assert.deepEqual(Object.keys(counted).sort(), Object.keys(traceFigures).sort());
  for (const { key } of listed(traceFigures)) assert.notEqual(valueAt(counted, key), undefined, key);
  for (const group of ['reads', 'writes', 'requests'] as const) {
    assert.deepEqual(Object.keys(counted[group]).sort(), Object.keys(traceFigures[group]).sort(), group);
  }
  assert.deepEqual(Object.keys(counted.latency).sort(), Object.keys(stages).sort());
  assert.deepEqual(Object.keys(counted.gaps.demand ?? {}).sort(), Object.keys(gapClasses).sort());
});

test('a phase has the keys of the whole, and its tokens besides', () => {
  const { processes } = summary;
  const part = partOf(analysed(), {
    startNs: 0n,
    endNs: 10n ** 9n,
    tokens: 4,
    processes,
    devices: [{ number: device, name: 'vda' }],
  });
  const keysOf = (figures: object) => Object.keys(figures).sort();
  const [whole, phase] = [toldOf(part), toldOfPhase(part)];
  assert.deepEqual(keysOf(phase), [...keysOf(whole), ...keysOf(phaseFigures)].sort());
  assert.deepEqual(keysOf(whole), keysOf(partFigures));
  for (const { key } of listed(partFigures)) assert.notEqual(valueAt(whole, key), undefined, key);
  assert.equal(phase.bytesPerToken, (part.model?.readBytes ?? 0) / 4);
});

test('derived figures follow from the counted ones', () => {
  const { processes } = summary;
  const part = partOf(analysed(), {
    startNs: 5n,
    endNs: 2n * 10n ** 9n + 5n,
    tokens: null,
    processes,
    devices: [],
  });
  const told = toldOf(part);
  assert.equal(told.wallNs, 2e9);
  assert.equal(told.bytesPerSecond, told.reads.bytes / 2);
  assert.equal(told.reads.uniqueBytes, part.reads.uniqueSectors * 512);
  assert.equal(told.reads.reReadFactor, told.reads.bytes / told.reads.uniqueBytes);
  const device = Object.values(part.gaps.device ?? {}).reduce((sum, n) => sum + n, 0);
  assert.equal(told.sequentialShare, (part.gaps.device?.sequential ?? 0) / device);
  assert.equal(told.model?.readAgainBytes, (part.model?.readBytes ?? 0) - (part.model?.uniqueBytes ?? 0));
  assert.equal(told.model?.otherBytes, told.reads.bytes - (part.model?.readBytes ?? 0));
  assert.ok(isFigure(partFigures.wallNs));
});

test('the share of reads of exactly 128 KiB counts that size alone, and is not known without reads', () => {
  const { share128KiB } = derivedFigures;
  const of = (read: Record<string, number>) => share128KiB.of({ sizes: { read } } as unknown as Part);
  assert.equal(of({ '4096': 1, '131072': 3, '131584': 4 }), 3 / 8);
  assert.equal(of({ '4096': 2 }), 0);
  assert.equal(of({}), null);
});

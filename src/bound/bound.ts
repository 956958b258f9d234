import { fullestSecond } from '../figures/seconds.js';
import type { Summary } from '../figures/summary-schema.js';
import type { Model } from '../model/gguf.js';
import { type TouchedBytes, touchedByRole, touchedBytes } from '../model/uses.js';
import type { DiskSpeed } from './disk-speed.js';

export interface BoundInput {
  model: Model;
  /** Without its bound. */
  summary: Summary;
  /**
   * Of a token, in ns; from the fastest tokens that were cached, from such while others took the CPUs, or told from runs that
   * read, see computeNsPerToken.
   */
  compute: { ns: number; from: 'warm' | 'busy' | 'run' };
  /** As it was probed for this run; null: it was not. */
  disk: DiskSpeed | null;
  /** The most that the disk was ever seen to give, in bytes a second, and the least memory of its own that the workload was ever seen to take; null: not known. */
  seen?: { bandwidth: number | null; ownBytes: number | null };
  /** For how long others held up a token, in ns; null: not known. */
  busyNs?: number | null;
}

/**
 * The tokens per second that no run with this memory and disk can exceed, and where the measured run's time went. Where the
 * use of some weights is unknown, the bound is that of a token which needs none of them; `lowTokensPerSecond` is that of
 * one which needs them all.
 *
 * Weights that were copied into the process's own memory are what memory keeps of the model.
 *
 * null when it cannot be told: no tokens or speed known, no bandwidth measured.
 */
export function boundOf({
  model,
  summary,
  compute,
  disk,
  seen,
  busyNs = null,
}: BoundInput): Summary['bound'] {
  const { workload, phases } = summary;
  const measured = workload?.tokensPerSecond;
  const readBytes = phases?.generation?.bytesPerToken ?? null;
  const memoryBytes = memoryForModel(summary, seen?.ownBytes ?? null);
  const bandwidth = Math.max(bandwidthOf(summary, disk), seen?.bandwidth ?? 0);
  if (!measured || readBytes === null || memoryBytes === null || bandwidth === 0) return null;
  // What was seen of tokens counts more than what rules tell of their model.
  const used = summary.touches?.touchedBytesPerToken;
  const touched = used === undefined ? touchedBytes(model) : { least: used, most: used };
  const keptBytes = Math.min(touched.least, memoryBytes);
  const neededBytes = touched.least - keptBytes;
  const mostNeededBytes = Math.max(0, touched.most - memoryBytes);
  const computeNs = compute.ns;
  const boundNs = Math.max(computeNs, (neededBytes / bandwidth) * 1e9);
  if (boundNs === 0) return null;
  const unusedBytes =
    unusedByAccount(summary) ?? sum((summary.model?.roles ?? []).map(unusedBytesOf(touchedByRole(model))));
  const reReadBytes = Math.max(0, readBytes - unusedBytes - mostNeededBytes);
  const excessNs = ((reReadBytes + unusedBytes) / bandwidth) * 1e9;
  const restNs = Math.max(0, 1e9 / measured - boundNs - excessNs);
  const busy = busyNs === null ? null : Math.min(busyNs, restNs);
  return {
    computeNsPerToken: computeNs,
    computeFrom: compute.from,
    touchedBytesPerToken: touched.least,
    touchedMostBytesPerToken: touched.most,
    keptBytes,
    bandwidth,
    sequentialBandwidth: disk?.sequential ?? null,
    randomBandwidth: disk?.random ?? null,
    tokensPerSecond: 1e9 / boundNs,
    lowTokensPerSecond: 1e9 / Math.max(computeNs, (mostNeededBytes / bandwidth) * 1e9),
    // A run that is its own bound must not seem faster by the last bit.
    ratio: Number(((measured * boundNs) / 1e9).toFixed(12)),
    reReadBytesPerToken: reReadBytes,
    unusedBytesPerToken: unusedBytes,
    busyNsPerToken: busy,
    remainderNsPerToken: restNs - (busy ?? 0),
  };
}

/** The most that a run and the probe before it showed of the disk: a bound must hold for each of its seconds. */
export function bandwidthOf(summary: Summary, disk: DiskSpeed | null): number {
  return Math.max(
    disk?.sequential ?? 0,
    disk?.random ?? 0,
    fullestSecond(summary.timeline.readBytes, summary.timeline.bucketNs),
  );
}

/**
 * What the workload's memory can hold of the model: its limit, or what was available, less its own memory, which is
 * `leastOwn` where another run of it took less.
 */
export function memoryForModel(summary: Summary, leastOwn: number | null = null): number | null {
  const { memory } = summary;
  // What is pinned is part of the limit, but no longer of what is available.
  const all = memory.limitBytes ?? (memory.availableBefore ?? Number.NaN) + memory.pinnedBytes;
  const own = ownMemory(summary);
  return Number.isNaN(all) || own === null ? null : Math.max(0, all - Math.min(own, leastOwn ?? own));
}

/** The workload's own memory, without the weights that it copied there. */
export function ownMemory({ workload, model }: Summary): number | null {
  if (workload?.rssAnonBytes == null) return null;
  const { weightsBytes: bytes } = workload;
  const whole = workload.weights === 'copied' ? (model?.bytes ?? 0) : 0;
  const copied = bytes ? bytes.copied + bytes.both : whole;
  return Math.max(0, workload.rssAnonBytes - copied);
}

/** Read for a token and not used before it was evicted, as the page cache tells; null: it was not asked. */
function unusedByAccount({ account, phases }: Summary): number | null {
  const read = account?.phases?.generation;
  const tokens = phases?.generation?.tokens;
  if (!read || !tokens) return null;
  return (read.bytes - read.usedBytes) / tokens;
}

/** Read of a role for a token, beyond what a token can use of it: readahead that hit nothing, for sure. */
function unusedBytesOf(touched: ReadonlyMap<string, TouchedBytes>) {
  return ({ name, bytesPerToken }: { name: string; bytesPerToken: number | null }) =>
    Math.max(0, (bytesPerToken ?? 0) - (touched.get(name)?.most ?? 0));
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}

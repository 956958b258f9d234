import type { CountedMemory } from '../figures/build-summary.js';
import type { Summary } from '../figures/summary-schema.js';
import type { CacheState } from '../memory/cache-state.js';
import type { CgroupFigures } from '../memory/cgroup.js';
import type { Pressure } from '../memory/pressure.js';
import type { NativeStreamFigures } from '../native/memory.js';
import type { StreamPlan } from '../pin/plan.js';
import type { Sampler } from '../sample/sampler.js';
import type { Measurement } from './measure.js';

export interface MemoryInput {
  measurement: Measurement;
  /** null: nobody asked for any. */
  pressure: Pressure | null;
  /** What the kernel counted for the workload's cgroup, read while it was there. */
  cgroup: CgroupFigures | null;
  readAheadKib: number | null;
  /** Of the model, held in the page cache. */
  pinnedBytes: number;
  /** Of what a token uses; null without a pin. */
  pinnedUsedBytes: number | null;
  stream: Summary['memory']['stream'];
  cache: CacheState | null;
}

/** The memory section of summary.json. */
export function memorySummary({
  measurement,
  pressure,
  cgroup,
  readAheadKib,
  pinnedBytes,
  pinnedUsedBytes,
  stream,
  cache,
}: MemoryInput): CountedMemory {
  const { before, after, outcome, sampler } = measurement;
  return {
    lockedBytes: pressure?.lockedBytes ?? 0,
    limitBytes: pressure?.cgroup?.limitBytes ?? null,
    pinnedBytes,
    pinnedUsedBytes,
    stream,
    mode: pressure?.mode ?? 'none',
    readAheadKib,
    cacheBefore: before.memory.pageCacheBytes,
    cacheAfter: after.memory.pageCacheBytes,
    majorFaults: outcome?.majorFaults ?? cgroup?.majorFaults ?? null,
    evictedPages: after.residency?.evictedPages ?? null,
    cacheState: cache,
    totalBytes: before.memory.totalBytes,
    availableBefore: before.memory.availableBytes,
    modelCachedBefore: before.residency?.cachedBytes ?? null,
    modelCachedAfter: after.residency?.cachedBytes ?? null,
    limitPeakBytes: cgroup?.peakBytes ?? null,
    refaultedPages: cgroup?.refaultedPages ?? sampler.growth('refaultedPages'),
    reclaimedPages: sampler.growth('reclaimedPages'),
    swapInPages: sampler.growth('swapInPages'),
    swapOutPages: sampler.growth('swapOutPages'),
    zramReadBytes: sampler.growth('zramReadBytes'),
    zramWrittenBytes: sampler.growth('zramWrittenBytes'),
    memoryStallNs: stallNs(sampler, 'memoryStallSomeUs'),
    ioStallNs: stallNs(sampler, 'ioStallSomeUs'),
    samples: sampler.looks,
    samplingNs: sampler.tookNs,
  };
}

/** What is read ahead of every token, and what the stream did; null without one. */
export function streamSummary(
  plan: StreamPlan | null,
  figures: NativeStreamFigures | null,
): Summary['memory']['stream'] {
  if (!plan || !figures) return null;
  const { passed, read, lost, cpuNs } = figures;
  return { bytesPerRound: plan.bytes, rounds: passed / plan.pieces.length, piecesRead: read, lost, cpuNs };
}

function stallNs(sampler: Sampler, metric: string): number | null {
  const us = sampler.growth(metric);
  return us === null ? null : us * 1000;
}

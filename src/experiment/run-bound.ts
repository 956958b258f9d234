import { type BoundInput, bandwidthOf, boundOf, ownMemory } from '../bound/bound.js';
import type { BoundRecords } from '../bound/bound-records.js';
import { computeNsPerToken, readsLittle } from '../bound/compute-time.js';
import type { DiskSpeed } from '../bound/disk-speed.js';
import { shownTokenNs } from '../bound/token-time.js';
import { quietShare, type WarmCompute } from '../bound/warm-compute.js';
import { phaseWindows } from '../figures/phases.js';
import type { Summary } from '../figures/summary-schema.js';
import type { Model } from '../model/gguf.js';
import type { Sample } from '../sample/sample.js';
import type { WorkloadOutcome } from '../workload/engine.js';
import { busyNsPerToken } from './contention.js';

/** What is known for a run's bound besides its own figures. */
export interface BoundSource {
  /** Of the disk that the files are on; null: not measured. */
  diskSpeed: DiskSpeed | null;
  /** As a run with everything cached showed it; null: none did. */
  warm: WarmCompute | null;
  /** What other runs of the model, program and disk showed; null: none is known. */
  records: BoundRecords | null;
  /** So many of the workload's threads can compute at the same time. */
  atOnce: number;
}

/** Of a run that names its records they are used, and then learn from it. */
export function boundOfRun(
  { diskSpeed: disk, warm, atOnce, records }: BoundSource,
  { outcome, samples }: { outcome: WorkloadOutcome; samples: readonly Sample[] },
  summary: Summary,
  model: Model,
): Summary['bound'] {
  const { marks = [], generation: said = null, exitCode } = outcome;
  // With drafts a token is no walk over the weights, and a walk checks several.
  if (said?.speculative) return null;
  const generation = phaseWindows(marks, said).find(({ name }) => name === 'generation');
  if (!generation?.tokens) return null;
  const { fromNs, toNs, tokens } = generation;
  const own = ownMemory(summary);
  // No token computes for longer than it takes: a run that is faster than all before it raises its own bound.
  const shownNs = shownTokenNs(marks, outcome.timings.saidTokenNs) ?? Number.POSITIVE_INFINITY;
  const estimate = () => computeNsPerToken(samples, { fromNs, toNs, tokens }, atOnce);
  const compute = computeOf(warm, estimate, shownNs, records);
  const seen = records && { bandwidth: records.bandwidth.value, ownBytes: records.ownMemory.orKnown(own) };
  const busyNs = busyNsPerToken(samples, generation, tokens);
  const bound = boundOf({ model, summary, compute, disk, busyNs, ...(seen ? { seen } : {}) });
  if (records && bound && exitCode === 0) {
    if (compute.from === 'warm') records.compute.learn(compute.ns);
    else if (wasCached(summary, bound) && (busyNs ?? 0) <= shownNs * quietShare)
      records.compute.learn(shownNs);
    else records.estimate.learn(compute.ns);
    records.bandwidth.learn(bandwidthOf(summary, disk));
    if (own !== null) records.ownMemory.learn(own);
  }
  return bound;
}

/** The fastest of what is known of cached tokens; only where none is known of a quiet machine what else tells it. */
function computeOf(
  warm: WarmCompute | null,
  estimate: () => number,
  shownNs: number,
  records: BoundRecords | null,
): BoundInput['compute'] {
  const quietNs = warm?.quiet ? warm.ns : null;
  const cachedNs = records?.compute.orKnown(quietNs) ?? quietNs;
  if (cachedNs !== null) return { ns: Math.min(cachedNs, warm?.ns ?? cachedNs, shownNs), from: 'warm' };
  const ns = warm?.ns ?? estimate();
  return { ns: Math.min(records?.estimate.orKnown(ns) ?? ns, shownNs), from: warm ? 'busy' : 'run' };
}

/** A run that reads next to nothing while it generates shows tokens with everything cached. */
function wasCached({ workload }: Summary, { touchedBytesPerToken }: NonNullable<Summary['bound']>): boolean {
  const read = workload?.bytesPerToken ?? null;
  return read !== null && read < touchedBytesPerToken * readsLittle;
}

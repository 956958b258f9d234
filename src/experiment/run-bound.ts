import { bandwidthOf, boundOf, ownMemory } from '../bound/bound.js';
import type { BoundRecords } from '../bound/bound-records.js';
import { computeNsPerToken } from '../bound/compute-time.js';
import type { DiskSpeed } from '../bound/disk-speed.js';
import { shownTokenNs } from '../bound/token-time.js';
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
  /** Of a token with everything cached, as a run of its own showed; null: none did. */
  computeNs: number | null;
  /** What other runs of the model, program and disk showed; null: none is known. */
  records: BoundRecords | null;
  /** Of the workload. */
  threads: number;
}

/** Of a run that names its records they are used, and then learn from it. */
export function boundOfRun(
  { diskSpeed: disk, computeNs: warmNs, threads, records }: BoundSource,
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
  const cachedNs = records?.compute.orKnown(warmNs) ?? warmNs;
  const compute =
    cachedNs === null
      ? ({
          ns: Math.min(computeNsPerToken(samples, { fromNs, toNs, tokens }, threads), shownNs),
          from: 'run',
        } as const)
      : ({ ns: Math.min(cachedNs, shownNs), from: 'warm' } as const);
  const seen = records && { bandwidth: records.bandwidth.value, ownBytes: records.ownMemory.orKnown(own) };
  const busyNs = busyNsPerToken(samples, generation, tokens);
  const bound = boundOf({ model, summary, compute, disk, busyNs, ...(seen ? { seen } : {}) });
  if (records && bound && exitCode === 0) {
    records.compute.learn(compute.from === 'warm' ? compute.ns : shownNs);
    records.bandwidth.learn(bandwidthOf(summary, disk));
    if (own !== null) records.ownMemory.learn(own);
  }
  return bound;
}

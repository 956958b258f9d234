import type { Sample } from '../sample/sample.js';

/** A run that reads less for a token than this share of what it uses shows its compute itself. */
export const readsLittle = 0.01;

/** The generation of some tokens; times in ns on CLOCK_MONOTONIC. */
export interface GenerationTime {
  fromNs: bigint;
  toNs: bigint;
  tokens: number;
}

/**
 * How long a token takes with everything cached, in ns: its time less that in which some task waited for a disk, less that in
 * which a thread waited for a CPU, and less the kernel's own work for the workload, most of which is page faults and eviction;
 * but no less than the time that its threads computed. Right for a run that reads little;
 * one that reads much computes slower meanwhile, so that this is too much for it, up to several times.
 *
 * 0 where the kernel does not count stalls (PSI switched off).
 */
export function computeNsPerToken(
  samples: readonly Sample[],
  { fromNs, toNs, tokens }: GenerationTime,
  threads: number,
): number {
  const stalledUs = growthOver(samples, 'ioStallSomeUs', fromNs, toNs);
  if (stalledUs === null || tokens === 0) return 0;
  const systemUs = growthOver(samples, 'workloadSystemUs', fromNs, toNs) ?? 0;
  const delayUs = growthOver(samples, 'workloadRunDelayUs', fromNs, toNs) ?? 0;
  const userUs = growthOver(samples, 'workloadUserUs', fromNs, toNs) ?? 0;
  const us = Number(toNs - fromNs) / 1e3 - stalledUs - delayUs - systemUs / threads;
  return (Math.max(0, us, userUs / threads) * 1e3) / tokens;
}

/** How much a counter grew between two times, the samples around each joined by a straight line. */
export function growthOver(
  samples: readonly Sample[],
  metric: string,
  fromNs: bigint,
  toNs: bigint,
): number | null {
  const own = samples.filter((sample) => sample.metric === metric);
  if (own.length < 2) return null;
  return valueAt(own, toNs) - valueAt(own, fromNs);
}

function valueAt(samples: readonly Sample[], time: bigint): number {
  const after = samples.findIndex((sample) => sample.time >= time);
  if (after === -1) return (samples.at(-1) as Sample).value;
  const next = samples[after] as Sample;
  const before = samples[after - 1];
  if (!before) return next.value;
  const share = Number(time - before.time) / Number(next.time - before.time);
  return before.value + share * (next.value - before.value);
}

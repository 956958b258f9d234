import type { Sample } from '../sample/sample.js';
import { growthOver } from './growth.js';
import { elsewhereUs } from './held-up.js';

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
 * which a thread waited for a CPU that somebody else had, and less the kernel's own work for the workload, most of which is page
 * faults and eviction; but no less than the time that its threads computed. Threads that wait for one another are more than the
 * CPUs, and would be in any run. Right for a run that reads little; one that reads much computes slower meanwhile, so that this
 * is too much for it, up to several times.
 *
 * `atOnce`: so many of its threads can compute at the same time. 0 where the kernel does not count stalls (PSI switched off).
 */
export function computeNsPerToken(
  samples: readonly Sample[],
  { fromNs, toNs, tokens }: GenerationTime,
  atOnce: number,
): number {
  const growth = (metric: string) => growthOver(samples, metric, fromNs, toNs);
  const stalledUs = growth('ioStallSomeUs');
  if (stalledUs === null || tokens === 0) return 0;
  const systemUs = growth('workloadSystemUs') ?? 0;
  const userUs = growth('workloadUserUs') ?? 0;
  const delayUs = growth('workloadRunDelayUs') ?? 0;
  const heldUpUs = Math.min(delayUs, elsewhereUs(growth) ?? delayUs);
  const us = Number(toNs - fromNs) / 1e3 - stalledUs - heldUpUs - systemUs / atOnce;
  return (Math.max(0, us, userUs / atOnce) * 1e3) / tokens;
}

import type { Summary } from '../figures/summary-schema.js';
import { windowBytes } from './simulate.js';

/** How long tokens take on this machine: fitted to a measured run. */
export interface SpeedModel {
  /** Of a token that reads so many bytes at this readahead. */
  tokensPerSecond(bytesPerToken: number, readAheadKib: number, computeNs?: number): number;
  computeNs: number;
}

/** The speed of a run without what others took of its tokens' time. */
export function undisturbed(
  tokensPerSecond: number,
  { busyNsPerToken }: Pick<NonNullable<Summary['bound']>, 'busyNsPerToken'>,
): number {
  return 1e9 / (1e9 / tokensPerSecond - (busyNsPerToken ?? 0));
}

/**
 * A token takes its compute, then its reads at the speed that this readahead gets from the disk. That is the run's own
 * speed for the run's own readahead; for another it changes as the disk's wait for each window does, which the random
 * probe tells. Without readahead a page is read at once.
 */
export function speedModel({ bound, workload, memory }: Summary, pageBytes: number): SpeedModel | null {
  if (!bound || !workload?.tokensPerSecond || workload.bytesPerToken === null) return null;
  const { bandwidth, computeNsPerToken: computeNs } = bound;
  const probeBytes = 128 * 1024;
  const waitNs =
    bound.randomBandwidth === null
      ? 0
      : Math.max(0, (probeBytes / bound.randomBandwidth - probeBytes / bandwidth) * 1e9);
  const windowSpeed = (readAheadKib: number) => {
    const window = Math.max(pageBytes, windowBytes(readAheadKib));
    return window / (waitNs / 1e9 + window / bandwidth);
  };
  const ownReadAhead = memory.readAheadKib ?? 128;
  // What is foreseen is of a machine that is left alone.
  const readNs = 1e9 / undisturbed(workload.tokensPerSecond, bound) - computeNs;
  // A run that reads next to nothing tells nothing of its reads' speed.
  const tells = workload.bytesPerToken > bound.touchedBytesPerToken / 100 && readNs > 0;
  const ownSpeed = tells ? (workload.bytesPerToken / readNs) * 1e9 : windowSpeed(ownReadAhead);
  // A run that computed while it read got more than the disk gives, by this reckoning, and will again.
  const most = Math.max(bandwidth, ownSpeed);
  const speed = (readAheadKib: number) =>
    Math.min(most, (ownSpeed * windowSpeed(readAheadKib)) / windowSpeed(ownReadAhead));
  return {
    computeNs,
    tokensPerSecond: (bytes, readAheadKib, compute = computeNs) =>
      1e9 / Math.max(1, compute + (bytes / speed(readAheadKib)) * 1e9),
  };
}

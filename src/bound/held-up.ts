import type { Sample } from '../sample/sample.js';
import { growthOver } from './compute-time.js';

/**
 * For how long others had the CPU that a thread of the workload waited for, in ns: of the thread that waited most. Threads that
 * wait for CPUs which the workload itself uses are held up by nobody else. null: the kernel does not count it.
 */
export function heldUpNs(samples: readonly Sample[], fromNs: bigint, toNs: bigint): number | null {
  const growth = (metric: string) => growthOver(samples, metric, fromNs, toNs);
  const delayUs = growth('workloadRunDelayUs');
  if (delayUs === null) return null;
  const [busyUs, ownUs] = [growth('cpuBusyUs'), growth('ownCpuUs')];
  const workloadUs = (growth('workloadUserUs') ?? 0) + (growth('workloadSystemUs') ?? 0);
  const othersUs = busyUs === null || ownUs === null ? delayUs : busyUs - ownUs - workloadUs;
  return Math.max(0, Math.min(delayUs, othersUs)) * 1e3;
}

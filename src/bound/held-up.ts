import type { Sample } from '../sample/sample.js';
import { growthOver } from './growth.js';

/**
 * For how long others had the CPU that a thread of the workload waited for, in ns: of the thread that waited most. Threads that
 * wait for CPUs which the workload itself uses are held up by nobody else. null: the kernel does not count it.
 */
export function heldUpNs(samples: readonly Sample[], fromNs: bigint, toNs: bigint): number | null {
  const growth = (metric: string) => growthOver(samples, metric, fromNs, toNs);
  const delayUs = growth('workloadRunDelayUs');
  if (delayUs === null) return null;
  return Math.max(0, Math.min(delayUs, otherCpuUs(growth) ?? delayUs)) * 1e3;
}

/**
 * How long all CPUs together ran neither the workload, nor blkscope, nor the kernel's threads for memory and I/O, which work for the
 * workload when its memory is short; by how much each metric grew. null: the kernel does not count it.
 */
export function otherCpuUs(growth: (metric: string) => number | null): number | null {
  const elsewhere = elsewhereUs(growth);
  return elsewhere === null ? null : Math.max(0, elsewhere - (growth('kernelThreadsUs') ?? 0));
}

/** How long they ran neither the workload nor blkscope. */
export function elsewhereUs(growth: (metric: string) => number | null): number | null {
  const [busy, own] = [growth('cpuBusyUs'), growth('ownCpuUs')];
  const workload = (growth('workloadUserUs') ?? 0) + (growth('workloadSystemUs') ?? 0);
  return busy === null || own === null ? null : Math.max(0, busy - own - workload);
}

import { availableParallelism } from 'node:os';
import { growthOver } from '../bound/growth.js';
import { heldUpNs, otherCpuUs } from '../bound/held-up.js';
import { greatest } from '../extremes.js';
import type { SummaryInput } from '../figures/build-summary.js';
import type { PhaseWindow } from '../figures/phases.js';
import type { Sample } from '../sample/sample.js';
import type { WorkloadOutcome } from '../workload/engine.js';

/** What others did on the machine while the workload ran, by the samples. */
export function contentionOf({
  samples,
  outcome,
}: {
  samples: readonly Sample[];
  outcome: Pick<WorkloadOutcome, 'readBytes'> | null;
}): NonNullable<SummaryInput['contention']> {
  const growth = (metric: string) => {
    const first = samples.find((sample) => sample.metric === metric);
    return first ? Math.max(0, (last(samples, metric) as number) - first.value) : null;
  };
  const us = (metric: string) => nsOf(growth(metric));
  // Growth from the first look on: a process that was attached to has counted since long before.
  const workloadCpuUs = sumOf(growth('workloadUserUs'), growth('workloadSystemUs'));
  const ownRead = growth('ownReadBytes');
  // A recording without a command has no workload: nobody is charged for it.
  const read = outcome ? outcome.readBytes : 0;
  return {
    cpus: availableParallelism(),
    cpuDelayNs: us('workloadRunDelayUs'),
    cpuStallNs: us('cpuStallSomeUs'),
    stealNs: us('stealUs'),
    workloadCpuNs: nsOf(workloadCpuUs),
    kernelCpuNs: us('kernelThreadsUs'),
    otherCpuNs: nsOf(otherCpuUs(growth)),
    involuntarySwitches: growth('workloadInvoluntarySwitches'),
    otherMemoryBytes: grownMemory(samples),
    chargedReadBytes: read === null || ownRead === null ? null : read + ownRead,
  };
}

/**
 * For how long others held up a token of the generation, in ns: the thread that waited most had no CPU since they had it, or a hypervisor had
 * one that the workload would have used. null: the kernel does not count it.
 */
export function busyNsPerToken(
  samples: readonly Sample[],
  { fromNs, toNs }: PhaseWindow,
  tokens: number,
): number | null {
  const heldUp = heldUpNs(samples, fromNs, toNs);
  const stealUs = growthOver(samples, 'stealUs', fromNs, toNs) ?? 0;
  if (heldUp === null || tokens === 0) return null;
  return Math.max(0, heldUp + (stealUs * 1e3) / availableParallelism()) / tokens;
}

/** The largest growth of the memory that is neither the workload's nor ours, from the first look on. */
function grownMemory(samples: readonly Sample[]): number | null {
  const at = (metric: string) => new SampleSeries(samples.filter((sample) => sample.metric === metric));
  const [workload, own] = [at('workloadAnonBytes'), at('ownAnonBytes')];
  const others = samples
    .filter(({ metric }) => metric === 'anonBytes')
    .map(({ time, value }) => value - workload.from(time) - own.from(time));
  return others.length === 0 ? null : greatest(others) - (others[0] as number);
}

/** One metric; all of a look have nearly one time, the machine's the first. */
class SampleSeries {
  #next = 0;

  constructor(private readonly samples: readonly Sample[]) {}

  /** The first value from `time` on, times asked for in their order; 0 before the metric's first look and after its last. */
  from(time: bigint): number {
    while ((this.samples[this.#next]?.time ?? time) < time) this.#next++;
    const found = this.samples[this.#next];
    return found && found.time - time < sameLookNs ? found.value : 0;
  }
}

const sameLookNs = 100_000_000n;

function last(samples: readonly Sample[], metric: string): number | null {
  return samples.findLast((sample) => sample.metric === metric)?.value ?? null;
}

function sumOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

function nsOf(us: number | null): number | null {
  return us === null ? null : Math.round(us * 1e3);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busyNsPerToken, contentionOf } from '../../../src/experiment/contention.js';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { contentionCell } from '../../../src/report/contention.js';
import { renderReport } from '../../../src/report/terminal.js';
import type { Sample } from '../../../src/sample/sample.js';
import { summaryFixture } from '../figures/summary-fixture.js';

/** Two looks, 2 s apart: the machine's metrics first, as the sampler takes them. */
const samples: Sample[] = [
  [0, { cpuBusyUs: 10e6, stealUs: 0, anonBytes: 1000, ownCpuUs: 1e6, ownReadBytes: 0, ownAnonBytes: 100 }],
  [
    1e9,
    { cpuBusyUs: 12e6, stealUs: 1e5, anonBytes: 1700, ownCpuUs: 1.1e6, ownReadBytes: 5, ownAnonBytes: 200 },
  ],
  [1e9 + 10, { workloadUserUs: 8e5, workloadSystemUs: 1e5, workloadAnonBytes: 400, workloadRunDelayUs: 2e5 }],
  [
    2e9,
    { cpuBusyUs: 14e6, stealUs: 2e5, anonBytes: 1000, ownCpuUs: 1.2e6, ownReadBytes: 9, ownAnonBytes: 100 },
  ],
  [2e9 + 10, { workloadUserUs: 1e6, workloadSystemUs: 2e5, workloadRunDelayUs: 6e5 }],
].flatMap(([time, metrics]) =>
  Object.entries(metrics as Record<string, number>).map(([metric, value]) => ({
    time: BigInt(time as number),
    metric,
    value,
  })),
);

test('what others took is what the machine did less the workload and blkscope', () => {
  const { cpus, ...found } = contentionOf({ samples, outcome: { readBytes: 100 } });
  assert.ok(cpus > 0);
  assert.deepEqual(found, {
    cpuDelayNs: 4e8, // from the first look on, as all of them
    cpuStallNs: null,
    stealNs: 2e8,
    workloadCpuNs: 3e8,
    kernelCpuNs: null,
    otherCpuNs: (4e6 - 2e5 - 3e5) * 1e3,
    involuntarySwitches: null,
    otherMemoryBytes: 200, // 1700 less 400 of the workload and 200 of ours, for 900 before
    chargedReadBytes: 109,
  });
});

test('a token loses to others what its slowest thread waited for a CPU', () => {
  const generation = { name: 'generation', fromNs: 1_000_000_010n, toNs: 2_000_000_010n, tokens: 4 } as const;
  const stolen = samples.filter(({ metric }) => metric !== 'stealUs');
  assert.equal(busyNsPerToken(stolen, generation, 4), 1e8);
  assert.ok((busyNsPerToken(samples, generation, 4) ?? 0) > 1e8, 'and what a hypervisor took');
  assert.equal(busyNsPerToken([], generation, 4), null);
  const alone = stolen.map((sample) =>
    sample.metric === 'cpuBusyUs' ? { ...sample, value: Math.min(sample.value, 12e6 + 4.4e5) } : sample,
  );
  const reclaiming = [0n, 2_000_000_000n].map((time) => ({
    time,
    metric: 'kernelThreadsUs',
    value: time === 0n ? 0 : 3e6,
  }));
  const served = contentionOf({ samples: [...samples, ...reclaiming], outcome: { readBytes: 100 } });
  assert.equal(served.kernelCpuNs, 3e9);
  assert.equal(
    served.otherCpuNs,
    (4e6 - 2e5 - 3e5) * 1e3 - 3e9,
    'others are not the kernel that evicts for the workload',
  );
  // Others computed for 0.04 s, though a thread waited for 0.4 s: mostly for the workload's other threads.
  assert.equal(Math.round((busyNsPerToken(alone, generation, 4) ?? 0) / 1e3), 1e4);
});

/** A run of 2 s on two CPUs. */
function run(change: (seen: NonNullable<Summary['contention']>) => void): Summary {
  return summaryFixture(1, (summary) => {
    (summary.workload as NonNullable<Summary['workload']>).wallNs = 2e9;
    summary.contention = {
      ...{ cpus: 2, cpuDelayNs: 1e7, cpuStallNs: 0, stealNs: 0, workloadCpuNs: 2e9, otherCpuNs: 1e7 },
      ...{ kernelCpuNs: 0, involuntarySwitches: 3, otherReadBytes: 0, otherMemoryBytes: 0 },
    };
    change(summary.contention);
    if (summary.memory.availableBefore === null) throw new Error('the fixture has memory');
  });
}

test('a run beside a busy loop says so in its head; one beside nothing does not, nor one that only holds up itself', () => {
  const quiet = run(() => {});
  assert.equal(contentionCell(quiet), 'quiet');
  assert.doesNotMatch(renderReport(quiet), /CONTENDED/);
  const busy = run((seen) => Object.assign(seen, { cpuDelayNs: 1e9, otherCpuNs: 2e9 }));
  assert.equal(contentionCell(busy), 'CPU 50.0 %');
  assert.match(
    renderReport(busy),
    /CONTENDED: a thread of the workload waited 50\.0 % of the time for a CPU/,
  );
  assert.equal(contentionCell(run((seen) => Object.assign(seen, { cpuDelayNs: 1e9 }))), 'quiet');
  assert.equal(contentionCell(run((seen) => Object.assign(seen, { stealNs: 4e8 }))), 'steal 10.0 %');
  const others = run((seen) => Object.assign(seen, { otherReadBytes: 50 * 2 ** 20 }));
  assert.match(contentionCell(others), /^reads \d/);
  const taken = (limitBytes: number | null) => {
    const summary = run((seen) => Object.assign(seen, { otherMemoryBytes: 6 * 2 ** 30 }));
    summary.memory.limitBytes = limitBytes;
    return contentionCell(summary);
  };
  assert.deepEqual([taken(null), taken(2 ** 30)], ['memory 50.0 %', 'quiet']);
  const unseen = summaryFixture(1, (summary) => {
    summary.contention = null;
  });
  assert.equal(contentionCell(unseen), '-');
});

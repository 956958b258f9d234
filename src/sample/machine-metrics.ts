import { kernelText } from '../files/kernel-text.js';
import { zramTraffic } from '../memory/swap.js';

/**
 * What the kernel counts for the whole machine, by the metric names of docs/experiment.md.
 *
 * Bytes for memory and swap; pages for what the kernel did with pages; microseconds for stalls and CPU time. All but the
 * sizes of memory count up from boot. A metric that this kernel does not have is left out.
 */
export function machineMetrics(): [metric: string, value: number][] {
  return [
    ...meminfoMetrics(kernelText('/proc/meminfo') ?? ''),
    ...vmstatMetrics(kernelText('/proc/vmstat') ?? ''),
    ...zram(),
    ...stalls(),
    ...cpuMetrics(kernelText('/proc/stat') ?? ''),
  ];
}

/** Clock ticks are a hundredth of a second on every Linux that Node runs on. */
const tickUs = 10_000;

/** Time of all CPUs together: what ran on them, and what a hypervisor gave to others. */
export function cpuMetrics(text: string): [string, number][] {
  const [, ...ticks] = /^cpu +(.*)$/m.exec(text)?.[0].split(/ +/) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = ticks.map(Number);
  if (ticks.length === 0) return [];
  return [
    ['cpuBusyUs', (user + nice + system + irq + softIrq) * tickUs],
    ['stealUs', steal * tickUs],
  ];
}

/** Of the swap traffic what went to compressed memory, and to no disk. */
function zram(): [string, number][] {
  const traffic = zramTraffic();
  return traffic
    ? [
        ['zramReadBytes', traffic.readBytes],
        ['zramWrittenBytes', traffic.writtenBytes],
      ]
    : [];
}

export function meminfoMetrics(text: string): [string, number][] {
  const bytes = keyed(text);
  const of = (key: string) => (bytes.get(`${key}:`) ?? 0) * 1024;
  return [
    ['pageCacheBytes', of('Cached') + of('Buffers') - of('Shmem')],
    ['availableBytes', of('MemAvailable')],
    ['swapUsedBytes', of('SwapTotal') - of('SwapFree')],
    ['anonBytes', of('AnonPages')],
  ];
}

/** Counters of /proc/vmstat; several are added up where the kernel tells them apart by who did it. */
const vmstatSums: readonly (readonly [metric: string, keys: readonly string[]])[] = [
  ['majorFaults', ['pgmajfault']],
  ['faults', ['pgfault']],
  // Before Linux 5.9 file and anonymous refaults were one counter.
  ['refaultedPages', ['workingset_refault_file', 'workingset_refault']],
  ['scannedPages', ['pgscan_file', 'pgscan_anon']],
  ['reclaimedPages', ['pgsteal_file', 'pgsteal_anon']],
  ['swapInPages', ['pswpin']],
  ['swapOutPages', ['pswpout']],
  ['swapReadaheadPages', ['swap_ra']],
];

export function vmstatMetrics(text: string): [string, number][] {
  const counters = keyed(text);
  return vmstatSums.flatMap(([metric, keys]) => {
    const known = keys.flatMap((key) => counters.get(key) ?? []);
    return known.length === 0 ? [] : [[metric, known.reduce((sum, n) => sum + n, 0)] as [string, number]];
  });
}

/** Microseconds in which some task, or all that could run, waited for memory, a disk or a CPU (PSI, which may be switched off). */
function stalls(): [string, number][] {
  return (['memory', 'io', 'cpu'] as const).flatMap((resource) =>
    pressureMetrics(resource, kernelText(`/proc/pressure/${resource}`) ?? ''),
  );
}

export function pressureMetrics(resource: 'memory' | 'io' | 'cpu', text: string): [string, number][] {
  // Of the whole machine the kernel tells no full stall on CPUs: the line is there, with zeros.
  const lines = [...text.matchAll(/^(some|full) .* total=(\d+)$/gm)].filter(
    ([, share]) => resource !== 'cpu' || share === 'some',
  );
  return lines.map(([, share, total]) => [
    `${resource}Stall${share === 'some' ? 'Some' : 'Full'}Us`,
    Number(total),
  ]);
}

function keyed(text: string): Map<string, number> {
  return new Map(
    text.split('\n').map((line) => {
      const [key, value] = line.split(/\s+/);
      return [key as string, Number(value)];
    }),
  );
}

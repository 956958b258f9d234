import { readFileSync } from 'node:fs';
import { zramTraffic } from '../memory/swap.js';

/**
 * What the kernel counts for the whole machine, by the metric names of docs/experiment.md.
 *
 * Bytes for memory and swap; pages for what the kernel did with pages; microseconds for stalls. All but the two
 * sizes and the swap in use count up from boot. A metric that this kernel does not have is left out.
 */
export function machineMetrics(): [metric: string, value: number][] {
  return [
    ...meminfoMetrics(read('/proc/meminfo')),
    ...vmstatMetrics(read('/proc/vmstat')),
    ...zram(),
    ...stalls(),
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

/** Microseconds in which some task, or all that could run, waited for memory, for a disk or for a processor (PSI). */
function stalls(): [string, number][] {
  return (['memory', 'io', 'cpu'] as const).flatMap((resource) =>
    pressureMetrics(resource, read(`/proc/pressure/${resource}`)),
  );
}

export function pressureMetrics(resource: 'memory' | 'io' | 'cpu', text: string): [string, number][] {
  const metric = `${resource}Stall`;
  return [...text.matchAll(/^(some|full) .* total=(\d+)$/gm)].map(([, share, total]) => [
    `${metric}${share === 'some' ? 'Some' : 'Full'}Us`,
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

/** Empty where the kernel has no such file (PSI switched off). */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

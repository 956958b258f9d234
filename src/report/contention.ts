import type { Summary } from '../figures/summary-schema.js';
import * as format from './format.js';
import type { Page } from './page.js';

/** From this share on what others took may change a speed by more than repeats differ. */
const worthTelling = 0.05;
/** Less than this is a machine's usual murmur: a journal, a cron job. */
const leastBytes = 16 * 2 ** 20;

/** What others on the machine took of a run, in a few words each: `CPU 48.3 %`. Empty: nothing that would matter, or nobody looked. */
export function contentions(summary: Summary): { short: string; told: string }[] {
  const { contention: seen, reads, memory } = summary;
  if (!seen) return [];
  const wallNs = summary.workload?.wallNs ?? summary.wallNs;
  const found: { short: string; told: string }[] = [];
  const add = (what: string, share: number, told: (part: string) => string) => {
    if (share <= worthTelling) return;
    found.push({ short: `${what} ${format.percent(share)}`, told: told(format.percent(share)) });
  };
  if (wallNs > 0) {
    // Threads that only wait for each other's CPUs are not held up by others.
    const delay = Math.min(seen.cpuDelayNs ?? 0, seen.otherCpuNs ?? 0);
    add('CPU', delay / wallNs, (part) => `a thread of the workload waited ${part} of the time for a CPU`);
    const steal = (seen.stealNs ?? 0) / (wallNs * seen.cpus);
    add('steal', steal, (part) => `a hypervisor gave ${part} of the CPUs to others`);
  }
  const read = seen.otherReadBytes ?? 0;
  if (summary.workload && read > leastBytes)
    add('reads', read / reads.bytes, (part) => `${part} of the bytes read were for other programs`);
  const grown = seen.otherMemoryBytes ?? 0;
  const room = memory.availableBefore ?? 0;
  // Under a limit of its own the workload loses none of its memory to others.
  if (memory.limitBytes === null && room > 0 && grown > leastBytes)
    add('memory', grown / room, (part) => `other programs took ${part} of the memory that was available`);
  return found;
}

/** One line for the head of a report; null where nothing is to be told. */
export function contentionLine(summary: Summary): string | null {
  const found = contentions(summary);
  if (found.length === 0) return null;
  return `${found.map(({ told }) => told).join('; ')}: do not compare its speed with that of other runs`;
}

/** One cell for a comparison: `quiet`, or what others took. */
export function contentionCell(summary: Summary): string {
  if (!summary.contention) return '-';
  return (
    contentions(summary)
      .map(({ short }) => short)
      .join(', ') || 'quiet'
  );
}

/** What the workload took of the CPUs, and what others did. */
export function contentionSection(page: Page, { contention: seen, workload }: Summary): void {
  if (!seen || !workload) return;
  page.section('The machine meanwhile', `${format.counted(seen.cpus, 'CPU')}, while the workload ran`);
  const time = (ns: number | null, label: string, note = '') => {
    if (ns !== null) page.figure(format.seconds(ns), label, note);
  };
  time(seen.workloadCpuNs, 'CPU time of the workload', 'all its threads');
  const taken = `a CPU was taken from a thread ${format.counted(seen.involuntarySwitches ?? 0, 'time')}`;
  time(seen.cpuDelayNs, 'waited for a CPU', `its thread that waited most; ${taken}`);
  time(seen.kernelCpuNs, "CPU time of the kernel's threads", 'that reclaim memory and start I/Os');
  time(seen.otherCpuNs, 'CPU time of others', 'all else that ran; not blkscope');
  if (seen.stealNs) time(seen.stealNs, 'stolen', 'a hypervisor ran others on these CPUs');
  if (seen.otherReadBytes !== null)
    page.figure(
      format.size(seen.otherReadBytes),
      'read by others',
      'not charged to the workload or blkscope',
    );
  if (seen.otherMemoryBytes !== null)
    page.figure(format.size(seen.otherMemoryBytes), 'memory taken by others', 'at most, since the start');
}

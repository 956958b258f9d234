import type { Summary } from '../figures/summary-schema.js';
import * as format from './format.js';
import type { Page } from './page.js';
import { allSubjects } from './subject.js';

export function memory(page: Page, summary: Summary): void {
  const { memory: seen } = summary;
  if (seen.totalBytes === null) return; // an imported trace tells nothing of its machine
  page.section('Memory');
  const before = `${sizeOrNone(seen.availableBefore)} available, before the workload`;
  page.figure(format.size(seen.totalBytes), 'in the machine', before);
  if (seen.lockedBytes > 0) page.figure(format.size(seen.lockedBytes), 'locked by blkscope');
  if (seen.pinnedBytes > 0)
    page.figure(format.size(seen.pinnedBytes), 'of the model pinned', savedNote(summary));
  if (seen.stream)
    page.figure(
      format.size(seen.stream.bytesPerRound),
      'of the model streamed for each token',
      streamNote(seen.stream),
    );
  if (seen.limitBytes !== null) {
    const peak = seen.limitPeakBytes === null ? '' : `${format.size(seen.limitPeakBytes)} used at most`;
    page.figure(format.size(seen.limitBytes), 'limit, page cache included', peak);
  }
  page.figure(sizeOrNone(seen.cacheAfter), 'page cache after', `${sizeOrNone(seen.cacheBefore)} before`);
  if (seen.modelCachedBefore !== null && seen.modelCachedAfter !== null) {
    const was = `${format.size(seen.modelCachedBefore)} before`;
    page.figure(format.size(seen.modelCachedAfter), `of the ${allSubjects(summary)} cached after`, was);
  }
  if (seen.majorFaults !== null)
    page.figure(format.count(seen.majorFaults), 'major faults', 'the workload had to wait for a read');
  if (seen.refaultedPages !== null) {
    page.figure(
      format.count(seen.refaultedPages),
      'pages refaulted',
      seen.limitBytes === null
        ? 'of the whole machine: evicted, then needed again'
        : 'evicted, then needed again',
    );
  }
  if ((seen.swapOutPages ?? 0) + (seen.swapInPages ?? 0) > 0)
    page.figure(format.count(seen.swapOutPages ?? 0), 'pages swapped out', swapNote(seen));
}

function swapNote(seen: Summary['memory']): string {
  const back = `${format.count(seen.swapInPages ?? 0)} back in, by the whole machine`;
  if (seen.zramWrittenBytes === null) return `${back}; all on disks`;
  const [to, from] = [seen.zramWrittenBytes, seen.zramReadBytes ?? 0].map(format.size);
  return `${back}; ${to} to and ${from} from compressed memory`;
}

function streamNote({ rounds, lost, cpuNs }: NonNullable<Summary['memory']['stream']>): string {
  const cpu = `${format.decimal(rounds)} rounds, ${format.seconds(cpuNs)} of CPU`;
  return lost === 0 ? cpu : `${cpu}, lost track ${format.counted(lost, 'time')}`;
}

function savedNote({ memory, bound }: Summary): string {
  if (memory.pinnedUsedBytes === null || !bound?.touchedBytesPerToken) return '';
  return `${format.percent(memory.pinnedUsedBytes / bound.touchedBytesPerToken)} of what a token uses`;
}

function sizeOrNone(bytes: number | null): string {
  return bytes === null ? '-' : format.size(bytes);
}

export function tracer(page: Page, { tracer: cost, source, workload: work }: Summary): void {
  page.section('What tracing cost', `${source.kind}, records of version ${source.protocol}`);
  const cpu = cost.cpuNs + cost.analysisNs;
  const share = work && work.wallNs > 0 ? `${format.percent(cpu / work.wallNs)} of one CPU over the run` : '';
  page.figure(format.seconds(cpu), 'CPU, capture and analysis', share);
  page.figure(
    format.size(cost.peakRssBytes),
    'peak memory of blkscope',
    `${format.size(cost.spoolBytes)} of it spool`,
  );
  page.figure(format.size(cost.bytesWrittenToDevice), 'written by blkscope', 'while tracing');
}

import { defectLine } from '../figures/defects.js';
import { partFigures } from '../figures/figures.js';
import { perSecond } from '../figures/seconds.js';
import type { Summary } from '../figures/summary-schema.js';
import { type GapClass, gapClasses, type Stage, stages } from '../native/trace.js';
import { boundLine, boundSection } from './bound-section.js';
import * as format from './format.js';
import { Page } from './page.js';
import { regionSections } from './regions-section.js';
import { sparkline } from './sparkline.js';
import { plainStyle, type Style } from './style.js';
import { toldInSection } from './told-figures.js';
import { workloadSection } from './workload-section.js';

export interface ReportOptions {
  /** What the first line names, such as the run folder. */
  title?: string;
  style?: Style;
  /** Default 100. */
  columns?: number;
}

/** A run's report for a terminal: the result and whether it can be trusted first, then the figures behind it. */
export function renderReport(summary: Summary, options: ReportOptions = {}): string {
  const page = new Page(options.style ?? plainStyle, options.columns ?? 100, countsAreLow(summary));
  heading(page, summary, options.title);
  modelReads(page, summary);
  boundSection(page, summary);
  regionSections(page, summary);
  deviceReads(page, summary);
  gaps(page, summary);
  latency(page, summary);
  sizes(page, summary);
  bandwidth(page, summary);
  workloadSection(page, summary);
  memory(page, summary);
  tracer(page, summary);
  return page.text();
}

function countsAreLow({ integrity }: Summary): boolean {
  return integrity.defects.some(({ lowerBounds }) => lowerBounds);
}

function heading(page: Page, summary: Summary, title?: string): void {
  const { integrity } = summary;
  if (integrity.complete === false) {
    const doubt = page.lowerBounds ? 'counts marked >= are lower bounds' : 'no count is too low';
    page.line(` ${page.style.warn('INCOMPLETE')}: ${doubt}`);
    for (const defect of integrity.defects) page.line(`   ${page.style.warn(defectLine(defect))}`);
    for (const line of lossLines(summary)) page.line(`   ${line}`);
  }
  if (title) page.line(` ${page.style.bold(title)}`);
  page.line(` ${result(summary)}`);
  if (summary.bound) page.line(` ${boundLine(summary.bound)}`);
  page.line(` ${conditions(summary)}`);
  page.line(` ${integrityLine(summary)}`);
  for (const remark of integrity.remarks) page.line(` ${defectLine(remark)}`);
}

const mostLossLines = 4;

/** Where in time events are missing: the gravest losses, in order of time. */
function lossLines({ integrity: { losses = [] }, timeline: { startNs } }: Summary): string[] {
  const gravest = losses.toSorted((a, b) => b.count - a.count).slice(0, mostLossLines);
  const lines = gravest
    .sort((a, b) => a.fromNs - b.fromNs)
    .map(({ fromNs, toNs, count, cpu, by }) => {
      const where = cpu === null ? '' : ` on CPU ${cpu}`;
      const when = `${format.seconds(fromNs - startNs)} and ${format.seconds(toNs - startNs)}`;
      return `${format.counted(count, 'event')} missing between ${when}${where} (${by})`;
    });
  const more = losses.length - gravest.length;
  return more > 0 ? [...lines, `and ${format.count(more)} smaller losses`] : lines;
}

/** The run in one line. */
function result(summary: Summary): string {
  const { model, reads, workload } = summary;
  const bound = countsAreLow(summary) ? 'at least ' : '';
  const parts = [];
  if (model) {
    parts.push(`${bound}${format.percent(model.coverage)} of the ${subjectOf(model)} read from the disk`);
    if (model.reReadFactor) parts.push(`each byte ${format.factor(model.reReadFactor)}`);
  } else {
    parts.push(`${bound}${format.size(reads.bytes)} read, ${format.size(reads.uniqueBytes)} of it unique`);
  }
  if (workload?.tokensPerSecond) parts.push(`${format.decimal(workload.tokensPerSecond)} tokens/s`);
  return parts.join(', ');
}

/** What the traced files are: a model, or whatever `record --file` named. */
function subjectOf({ files, tensors }: NonNullable<Summary['model']>): string {
  if (tensors !== null || files.every((file) => file.endsWith('.gguf'))) return 'model';
  return files.length === 1 ? 'file' : 'files';
}

function conditions({ memory, workload, source }: Summary): string {
  const pressure = {
    none: 'memory not limited',
    lock: `${format.size(memory.lockedBytes)} locked`,
    leave: `${format.size(memory.lockedBytes)} locked to leave the rest`,
    limit: `memory limit ${format.size(memory.limitBytes ?? 0)}`,
  }[memory.mode];
  const parts = [workload?.engine, pressure];
  if (memory.cacheState)
    parts.push({ cold: 'cold cache', warm: 'warm cache', asIs: 'cache as it was' }[memory.cacheState]);
  if (memory.pinnedBytes > 0) parts.push(`${format.size(memory.pinnedBytes)} of the model pinned`);
  if (memory.stream) parts.push(`${format.size(memory.stream.bytesPerRound)} streamed`);
  if (memory.readAheadKib !== null) parts.push(`readahead ${memory.readAheadKib} KiB`);
  return [...parts.filter((part) => part), `on ${source.device}`].join(', ');
}

function integrityLine({ integrity: seen, source }: Summary): string {
  const lost =
    seen.eventsDropped === null ? 'lost ones not known' : `${format.count(seen.eventsDropped)} lost`;
  const events = `${format.counted(seen.eventsRead, 'event')}, ${lost}`;
  const disk =
    seen.readSectorsDiskstats === null
      ? 'the disk gives no count to compare with'
      : `${source.device} itself counted ${format.count(seen.readSectorsDiskstats)}`;
  return `${events}; ${format.count(seen.readSectorsTraced)} read sectors traced, ${disk}`;
}

function modelReads(page: Page, { model, workload }: Summary): void {
  if (!model) return;
  const subject = subjectOf(model);
  page.section(`Reads from the ${subject}`, 'completed reads in its extents, each counted once');
  page.traced(format.size(model.readBytes), 'read', format.counted(model.reads, 'read'));
  page.traced(format.size(model.uniqueBytes), 'unique', `of ${format.size(model.bytes)} in the ${subject}`);
  page.traced(
    format.percent(model.coverage),
    'coverage',
    `unique / all, ${format.counted(model.extents, 'extent')}`,
  );
  if (model.reReadFactor !== null)
    page.figure(format.factor(model.reReadFactor), 're-read factor', 'read / unique');
  if (workload?.bytesPerToken != null) {
    page.traced(format.size(workload.bytesPerToken), 'per generated token', 'read while generating / tokens');
  }
  if (workload?.bytesPerWalk != null) {
    page.traced(
      format.size(workload.bytesPerWalk),
      'per walk over the weights',
      'read while generating / walks',
    );
  }
}

function deviceReads(page: Page, { reads, writes, model, otherModels = [], source }: Summary): void {
  const ofModels = [...(model ? [model] : []), ...otherModels].reduce((sum, each) => sum + each.readBytes, 0);
  page.section(`All of ${source.device}`, 'completed I/O of all programs');
  page.traced(format.size(reads.bytes), 'read', format.counted(reads.count, 'read'));
  if (model)
    page.figure(
      format.size(reads.bytes - ofModels),
      `of that not from the ${subjectOf(model)}${otherModels.length > 0 ? ' or the other models' : ''}`,
      'programs, other processes',
    );
  else {
    page.traced(
      format.size(reads.uniqueBytes),
      'unique',
      `${format.counted(reads.uniqueSectors, 'sector')} of 512 bytes`,
    );
    if (reads.reReadFactor !== null)
      page.figure(format.factor(reads.reReadFactor), 're-read factor', 'read / unique');
  }
  page.traced(format.size(writes.bytes ?? 0), 'written', format.counted(writes.count ?? 0, 'write'));
  const errors = (reads.errors ?? 0) + (writes.errors ?? 0);
  if (errors > 0) {
    page.traced(format.count(errors), 'failed', 'not in the counts above');
  }
}

const gapOrders = {
  device: 'device order: as issued to the driver',
  demand: 'demand order: as queued',
  file: 'file order: by offset in the file, as issued',
} as const;

function gaps(page: Page, summary: Summary): void {
  for (const [order, note] of Object.entries(gapOrders)) {
    const found = summary.gaps[order as keyof typeof gapOrders];
    const total = found ? Object.values(found).reduce((sum, n) => sum + n, 0) : 0;
    if (!found || total === 0) continue;
    page.section('Gaps between reads', note);
    const classes = Object.entries(gapClasses);
    page.line(classes.map(([, { label }]) => label.padStart(12)).join(''));
    const shares = classes.map(([name]) => format.percent(found[name as GapClass] / total));
    page.line(shares.map((share) => share.padStart(12)).join(''));
  }
}

function latency(page: Page, summary: Summary): void {
  const known = Object.entries(stages).flatMap(([stage, label]) => {
    const found = summary.latency[stage as Stage];
    return found ? [{ label: `${stage.toUpperCase()}  ${label}`, found }] : [];
  });
  if (known.length === 0) return;
  page.section('Latency of reads', 'matched per request');
  page.line(` ${['mean', 'p50', 'p99', 'max', 'count'].map((head) => head.padStart(11)).join('')}`);
  for (const { label, found } of known) {
    const times = [found.mean, found.p50, found.p99, found.max].map(format.microseconds);
    const cells = [...times, format.count(found.count)].map((cell) => cell.padStart(11));
    page.line(` ${cells.join('')}  ${label}`);
  }
}

const sizesShown = 6;
const sizeFigures = toldInSection('sizes', partFigures);

function sizes(page: Page, summary: Summary): void {
  const all = Object.entries(summary.sizes.read).map(([bytes, n]) => ({ bytes: Number(bytes), n }));
  if (all.length === 0) return;
  const total = all.reduce((sum, { n }) => sum + n, 0);
  const top = all.toSorted((a, b) => b.n - a.n).slice(0, sizesShown);
  page.section('Sizes of reads', 'completed; merged requests count as one');
  for (const { bytes, n } of top.toSorted((a, b) => a.bytes - b.bytes)) {
    page.figure(
      format.size(bytes),
      `${format.count(n).padStart(10)}  ${format.percent(n / total).padStart(7)}`,
    );
  }
  const rest = total - top.reduce((sum, { n }) => sum + n, 0);
  if (rest > 0) {
    const others = `${format.count(rest).padStart(10)}  ${format.percent(rest / total).padStart(7)}`;
    page.figure('others', `${others}  in ${all.length - top.length} more sizes`);
  }
  for (const { name, value, show } of sizeFigures) {
    const found = value(summary);
    if (found !== null) page.figure(show(found), name);
  }
}

function bandwidth(page: Page, { timeline }: Summary): void {
  const bySecond = perSecond(timeline.readBytes, timeline.bucketNs);
  if (bySecond.length === 0) return;
  const total = bySecond.reduce((sum, bytes) => sum + bytes, 0);
  page.section('Read bandwidth', 'completed bytes, second by second');
  page.line(`   |${sparkline(bySecond, page.columns - 24)}| ${format.count(bySecond.length)} s`);
  page.figure(format.rate(Math.max(...bySecond)), 'the highest second');
  page.figure(format.rate(total / bySecond.length), 'mean over all seconds');
}

function memory(page: Page, summary: Summary): void {
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
    const subject = summary.model ? subjectOf(summary.model) : 'model';
    page.figure(format.size(seen.modelCachedAfter), `of the ${subject} cached after`, was);
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

/** Swap to compressed memory takes of the same memory; the rest is on a disk, beside the model's reads. */
function swapNote(seen: Summary['memory']): string {
  const back = `${format.count(seen.swapInPages ?? 0)} back in, by the whole machine`;
  if (seen.zramWrittenBytes === null) return `${back}; all on disks`;
  const [to, from] = [seen.zramWrittenBytes, seen.zramReadBytes ?? 0].map(format.size);
  return `${back}; ${to} to and ${from} from compressed memory`;
}

/** Read ahead of each token, dropped behind it; what that took, and whether the workload kept to the order. */
function streamNote({ rounds, lost, cpuNs }: NonNullable<Summary['memory']['stream']>): string {
  const cpu = `${format.decimal(rounds)} rounds, ${format.seconds(cpuNs)} of CPU`;
  return lost === 0 ? cpu : `${cpu}, lost track ${format.counted(lost, 'time')}`;
}

/** What each token does not read because of the pin. */
function savedNote({ memory, bound }: Summary): string {
  if (memory.pinnedUsedBytes === null || !bound?.touchedBytesPerToken) return '';
  return `${format.percent(memory.pinnedUsedBytes / bound.touchedBytesPerToken)} of what a token uses`;
}

function sizeOrNone(bytes: number | null): string {
  return bytes === null ? '-' : format.size(bytes);
}

function tracer(page: Page, { tracer: cost, source, workload: work }: Summary): void {
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

import { defectLine } from '../figures/defects.js';
import type { DeviceFigures } from '../figures/figure.js';
import { partFigures } from '../figures/figures.js';
import { fullestSecond, fullestSpan, perSecond } from '../figures/seconds.js';
import type { Summary } from '../figures/summary-schema.js';
import { type GapClass, gapClasses, type NativeGaps, type Stage, stages } from '../native/trace.js';
import { bar } from './bar.js';
import * as format from './format.js';
import type { Page } from './page.js';
import { printable } from './printable.js';
import { sparkline } from './sparkline.js';
import { readBeside, subjectOf } from './subject.js';
import { layOut } from './table.js';
import { toldInSection } from './told-figures.js';

/** Whether the trace can be trusted, and how that is known. */
export function integrity(page: Page, summary: Summary): void {
  const { integrity: seen, source } = summary;
  page.section('Integrity', seen.complete === false ? 'INCOMPLETE' : '');
  page.figure(format.count(seen.eventsRead), 'events');
  page.figure(seen.eventsDropped === null ? 'not known' : format.count(seen.eventsDropped), 'events lost');
  page.figure(format.count(seen.readSectorsTraced), 'read sectors traced');
  page.figure(
    seen.readSectorsDiskstats === null ? '-' : format.count(seen.readSectorsDiskstats),
    `counted by ${printable(source.device)} itself`,
  );
  for (const defect of seen.defects) page.text(page.style.warn(defectLine(defect)), 2);
  for (const line of lossLines(summary)) page.text(line, 4);
  for (const remark of seen.remarks) page.text(defectLine(remark), 2);
}

const mostLossLines = 4;

export function lossLines({ integrity: { losses = [] }, timeline: { startNs } }: Summary): string[] {
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

export function modelReads(page: Page, { model, workload }: Summary): void {
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

export function deviceReads(page: Page, summary: Summary): void {
  const { reads, writes, devices, model, otherModels = [], source } = summary;
  page.section(`All of ${printable(source.device)}`, 'completed I/O of all programs');
  page.traced(format.size(reads.bytes), 'read', format.counted(reads.count, 'read'));
  if (model)
    page.figure(
      format.size(readBeside(summary)),
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
  byDevice(page, devices ?? []);
  const errors = (reads.errors ?? 0) + (writes.errors ?? 0);
  if (errors > 0) {
    page.traced(format.count(errors), 'failed', 'not in the counts above');
  }
}

/** Whose reads a section is of, and its figures. */
export interface Reads {
  whose: string;
  gaps: { device: NativeGaps | null; demand: NativeGaps | null; file?: NativeGaps | null };
  latency: Summary['latency'];
  sizes: Record<string, number>;
}

/** Of the model, then of the whole disk: one is never told for the other. */
export function readsOf(summary: Summary): Reads[] {
  const { model, gaps, latency, sizes, source } = summary;
  const disk = { whose: `all reads of ${printable(source.device)}`, latency, sizes: sizes.read };
  if (!model?.access) return [{ ...disk, gaps }];
  const { access } = model;
  return [
    { ...access, gaps: { ...access.gaps, file: gaps.file }, whose: `reads from the ${subjectOf(model)}` },
    { ...disk, gaps: { device: gaps.device, demand: gaps.demand } },
  ];
}

/** Of which devices the sums are, where some lie on others; null where none does. */
export function layersOf(devices: readonly DeviceFigures[]): string | null {
  const named = (layered: boolean) =>
    devices
      .filter((device) => device.layered === layered)
      .map(deviceName)
      .join(', ');
  if (!devices.some(({ layered }) => layered)) return null;
  return `counted at ${named(false)}; ${named(true)} passes on to it, and is in no sum`;
}

function deviceName({ name, number }: DeviceFigures): string {
  return printable(name ?? `device ${number >> 20}:${number & 0xfffff}`);
}

/** Of several devices each by itself; what lies on another of them is in no figure above. */
function byDevice(page: Page, devices: readonly DeviceFigures[]): void {
  if (devices.length < 2) return;
  for (const device of devices) {
    const { layered, reads, writes, latency } = device;
    const took = latency?.d2c ?? latency?.q2c;
    const median = took ? `a read takes ${format.microseconds(took.p50)} (median), ` : '';
    const sum = layered ? ', passed on to another of these devices: not in the figures above' : '';
    page.traced(
      format.size(reads.bytes),
      `read of ${deviceName(device)}`,
      `${median}${format.size(writes.bytes)} written${sum}`,
    );
  }
}

/** Where devices differ, or an older run does not tell, the order is not told either. */
const deviceOrders = {
  issue: 'device order: as issued to the driver',
  queue: 'demand order: as queued, since the device tells of no issue',
  completion: 'order of completion, since the device tells of no issue',
} as const;

const fileOrders = { issue: 'as issued', queue: 'as queued', completion: 'as completed' } as const;

/** What each of the gaps is; null: the same as another. */
function gapNotes({ gaps }: Summary): Record<'device' | 'demand' | 'file', string | null> {
  const { order } = gaps;
  return {
    device: order ? deviceOrders[order] : 'device order',
    demand: order === 'queue' ? null : 'demand order: as queued',
    file: `file order: by offset in the file${order ? `, ${fileOrders[order]}` : ''}`,
  };
}

export function gaps(page: Page, summary: Summary): void {
  for (const reads of readsOf(summary)) gapsOf(page, summary, reads);
}

function gapsOf(page: Page, summary: Summary, { gaps: byOrder, whose }: Reads): void {
  const classes = Object.entries(gapClasses);
  const notes = gapNotes(summary);
  for (const order of ['device', 'demand', 'file'] as const) {
    const [found, note] = [byOrder[order], notes[order]];
    const total = found ? Object.values(found).reduce((sum, n) => sum + n, 0) : 0;
    if (!found || total === 0 || note === null) continue;
    page.section(`Gaps between ${whose}`, note);
    for (const [name, { label }] of classes) {
      const share = found[name as GapClass] / total;
      page.figure(format.percent(share), label.padEnd(12) + page.style.accent(bar(share, page.columns - 34)));
    }
  }
}

export function latency(page: Page, summary: Summary): void {
  for (const reads of readsOf(summary)) latencyOf(page, reads);
}

function latencyOf(page: Page, { latency: stagesFound, whose }: Reads): void {
  const known = Object.entries(stages).flatMap(([stage, { label }]) => {
    const found = stagesFound[stage as Stage];
    return found ? [{ label: `${stage.toUpperCase()}  ${label}`, found }] : [];
  });
  if (known.length === 0) return;
  page.section(`Latency of ${whose}`, 'matched per request');
  const rows = known.map(({ label, found }) => [
    label,
    ...[found.mean, found.p50, found.p99, found.max].map(format.microseconds),
    format.count(found.count),
  ]);
  const look = { style: page.style, columns: page.columns, gap: 2, indent: 2, longNames: 'above' } as const;
  page.line(layOut([['', 'mean', 'p50', 'p99', 'max', 'count'], ...rows], look).trimEnd());
}

const sizesShown = 6;

const sizeFigures = toldInSection('sizes', partFigures);

export function sizes(page: Page, summary: Summary): void {
  for (const reads of readsOf(summary)) sizesOf(page, reads);
  for (const { name, value, show } of sizeFigures) {
    const found = value(summary);
    if (found !== null) page.figure(show(found), name);
  }
}

function sizesOf(page: Page, { sizes: bySize, whose }: Reads): void {
  const all = Object.entries(bySize).map(([bytes, n]) => ({ bytes: Number(bytes), n }));
  if (all.length === 0) return;
  const total = all.reduce((sum, { n }) => sum + n, 0);
  const top = all.toSorted((a, b) => b.n - a.n).slice(0, sizesShown);
  page.section(`Sizes of ${whose}`, 'completed; merged requests count as one');
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
}

export function bandwidth(page: Page, { timeline, model, source }: Summary): void {
  const bySecond = perSecond(timeline.readBytes, timeline.bucketNs);
  if (bySecond.length === 0) return;
  const total = bySecond.reduce((sum, bytes) => sum + bytes, 0);
  page.section(`Read bandwidth of ${printable(source.device)}`, 'all completed reads, second by second');
  page.line(
    `   |${sparkline(bySecond, Math.min(page.columns - 24, 120))}| ${format.count(bySecond.length)} s`,
  );
  const fullest = fullestSecond(timeline.readBytes, timeline.bucketNs);
  const span = fullestSpan(timeline.bucketNs);
  page.figure(
    format.rate(fullest),
    `the highest ${span}`,
    span === 'second' ? 'wherever it began' : 'their mean',
  );
  page.figure(format.rate(total / bySecond.length), 'mean over all seconds');
  const { peakBytesPerSecond: peak, bytesPerSecond: mean } = model?.access ?? {};
  if (model && peak != null && mean != null)
    page.figure(
      format.rate(peak),
      `the highest of the ${subjectOf(model)}`,
      `${format.rate(mean)} in the mean`,
    );
}

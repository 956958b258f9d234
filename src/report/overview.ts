import { defectLine } from '../figures/defects.js';
import { joined } from '../figures/figure.js';
import { partWithAccess, phaseFigures } from '../figures/figures.js';
import { fullestSecond, fullestSpan, perSecond } from '../figures/seconds.js';
import type { Summary } from '../figures/summary-schema.js';
import { type GapClass, gapClasses } from '../native/trace.js';
import { bar } from './bar.js';
import { exceeded, orMore, tokenTime } from './bound-section.js';
import { layersOf, lossLines, type Reads, readsOf } from './disk-sections.js';
import { widthOf } from './fit.js';
import * as format from './format.js';
import type { Page } from './page.js';
import { printable } from './printable.js';
import { sparkline } from './sparkline.js';
import { allSubjects, readBeside, subjectOf } from './subject.js';
import { toldIn } from './told-figures.js';
import { verdictOf } from './verdict.js';
import { serverLine } from './workload-section.js';

export interface OverviewOptions {
  title: string | undefined;
  /** With the figures that matter most. */
  brief: boolean;
}

/** What a reader wants first: the verdict, the conditions, and in `brief` a screenful of figures. */
export function overview(page: Page, summary: Summary, { title, brief }: OverviewOptions): void {
  if (title) page.line(` ${page.style.bold(printable(title))}`);
  verdict(page, summary);
  page.line();
  page.text(page.style.dim(conditions(summary)));
  const server = summary.workload && serverLine(summary.workload);
  if (server) page.text(server);
  if (!brief) return;
  speed(page, summary);
  model(page, summary);
  phases(page, summary);
  order(page, summary);
  disk(page, summary);
  memory(page, summary);
  cost(page, summary);
}

function verdict(page: Page, summary: Summary): void {
  const { style } = page;
  const { read, failed, limit, contended, trace, help } = verdictOf(summary);
  const { complete, defects, remarks } = summary.integrity;
  if (complete === false) {
    page.text(style.warn(trace));
    for (const line of [...defects.map(defectLine), ...lossLines(summary)]) page.text(style.warn(line), 3);
  }
  page.text(style.bold(read));
  if (failed) page.text(style.warn(failed));
  if (limit) page.text(limit);
  if (contended) page.text(style.warn(contended));
  if (complete !== false) page.text(complete ? trace : style.warn(trace));
  if (help) page.text(help);
  for (const remark of remarks) page.text(defectLine(remark));
}

function conditions({ memory, workload, source }: Summary): string {
  const pressure = {
    none: 'memory not limited',
    lock: `${format.size(memory.lockedBytes)} locked`,
    leave: `${format.size(memory.lockedBytes)} locked to leave the rest`,
    limit: `memory limit ${format.size(memory.limitBytes ?? 0)}`,
  }[memory.mode];
  // What was imported tells nothing of its machine.
  const imported = memory.totalBytes === null && source.kind === 'file';
  const parts = [workload && engineOf(workload.engine), imported ? 'an imported trace' : pressure];
  if (memory.cacheState)
    parts.push(
      { cold: 'nothing cached at the start', warm: 'all cached at the start', asIs: 'cache as it was' }[
        memory.cacheState
      ],
    );
  if (memory.pinnedBytes > 0) parts.push(`${format.size(memory.pinnedBytes)} of the model pinned`);
  if (memory.stream) parts.push(`${format.size(memory.stream.bytesPerRound)} streamed`);
  if (memory.readAheadKib !== null) parts.push(`readahead ${memory.readAheadKib} KiB`);
  return [...parts.filter((part) => part), `on ${printable(source.device)}`].join(', ');
}

function engineOf(name: string): string {
  return name === 'embedded' ? 'embedded llama.cpp' : printable(name);
}

const nameWidth = 34;
const valueWidth = 10;

/** A line of a block: a name, a value, and the rest of the line, such as a bar. */
function row(page: Page, name: string, value: string, rest = ''): void {
  const space = ' '.repeat(Math.max(nameWidth - widthOf(name), 0));
  page.line(`   ${name}${space}${value.padStart(valueWidth)}  ${rest}`.trimEnd());
}

function barRow(page: Page, name: string, value: string, share: number): void {
  const room = Math.min(page.columns - nameWidth - valueWidth - 6, 60);
  row(page, name, value, page.style.accent(bar(share, room)));
}

function speed(page: Page, { bound, workload }: Summary): void {
  if (!bound || !workload?.tokensPerSecond || exceeded(bound)) return;
  const allowed = format.decimal(bound.tokensPerSecond);
  page.section(
    "A token's time",
    `${format.decimal(workload.tokensPerSecond)} tokens/s; memory, disk and computation allow ${allowed}${orMore(bound)}`,
  );
  const { total, parts } = tokenTime(bound);
  for (const { name, ns } of parts) barRow(page, name, format.microseconds(ns), ns / total);
}

const rolesShown = 4;

function model(page: Page, { model: read, workload }: Summary): void {
  if (!read) return;
  const token = workload?.bytesPerToken
    ? `, ${format.size(Math.round(workload.bytesPerToken))} per token`
    : '';
  const title = subjectOf(read);
  page.section(
    `${title[0]?.toUpperCase()}${title.slice(1)}`,
    `${format.size(read.bytes)}, in ${format.counted(read.extents, 'piece')} on the disk`,
  );
  const label = page.lowerBounds ? 'Read, at least' : 'Read';
  row(page, label, format.size(read.readBytes), `${format.counted(read.reads, 'read')}${token}`);
  barRow(page, 'Read at least once', format.percent(read.coverage), read.coverage);
  const roles = (read.roles ?? [])
    .filter(({ readBytes }) => readBytes > 0)
    .toSorted((a, b) => b.readBytes - a.readBytes);
  const others = roles.slice(rolesShown).reduce((sum, { readBytes }) => sum + readBytes, 0);
  for (const { name, readBytes, reReadFactor } of roles.slice(0, rolesShown)) {
    const again = reReadFactor === null ? '' : `, each byte ${format.factor(reReadFactor)}`;
    barRow(page, `  ${printable(name)}${again}`, format.size(readBytes), readBytes / read.readBytes);
  }
  if (others > 0) barRow(page, '  all else', format.size(others), others / read.readBytes);
}

/** Columns of the table of phases that matter most, of those that are known. */
const phaseColumns = toldIn('phases', joined(partWithAccess, phaseFigures)).filter(({ name }) =>
  ['time', 'model read', 're-read', 'per second', 'per token'].includes(name),
);

function phases(page: Page, summary: Summary): void {
  const found = Object.entries(summary.phases ?? {}).filter(([, phase]) => phase !== null);
  const known = phaseColumns.filter(({ value }) => found.some(([, phase]) => value(phase) !== null));
  if (found.length === 0 || known.length === 0) return;
  const cells = (texts: readonly string[]) => texts.map((text) => text.padStart(11)).join(' ');
  page.section('Phases');
  page.line(`   ${' '.repeat(12)}${page.style.dim(cells(known.map(({ name }) => name)))}`);
  for (const [name, phase] of found) {
    const shown = known.map(({ value, show }) => {
      const is = value(phase);
      return is === null ? '-' : show(is);
    });
    page.line(`   ${name.padEnd(12)}${cells(shown)}`);
  }
}

/** What the order of device gaps is called. */
const deviceOrders = {
  issue: 'as the disk got them',
  queue: 'as they were queued',
  completion: 'as they completed',
} as const;

function order(page: Page, summary: Summary): void {
  const [{ gaps, whose }] = readsOf(summary) as [Reads];
  const { order: taken } = summary.gaps;
  const orders = [
    ['device', taken ? deviceOrders[taken] : 'on the device'],
    ['file', 'by place in the file'],
  ] as const;
  const known = orders.flatMap(([key, name]) => {
    const found = gaps[key];
    const total = found ? Object.values(found).reduce((sum, n) => sum + n, 0) : 0;
    return found && total > 0 ? [{ name, found, total }] : [];
  });
  if (known.length === 0) return;
  const classes = Object.entries(gapClasses);
  const cells = (texts: readonly string[]) => texts.map((text) => text.padStart(10)).join('');
  page.section(`Order of ${whose}`, 'from the end of one to the start of the next');
  page.line(`   ${' '.repeat(22)}${page.style.dim(cells(classes.map(([, { label }]) => label)))}`);
  for (const { name, found, total } of known) {
    const shares = classes.map(([kind]) => format.percent(found[kind as GapClass] / total));
    page.line(`   ${name.padEnd(22)}${cells(shares)}`);
  }
}

function disk(page: Page, summary: Summary): void {
  const { timeline, latency, reads, devices, model: read, source } = summary;
  const bySecond = perSecond(timeline.readBytes, timeline.bucketNs);
  if (bySecond.length === 0) return;
  const rest = read ? `, ${format.size(readBeside(summary))} of it not from the ${allSubjects(summary)}` : '';
  page.section(printable(source.device), `${format.size(reads.bytes)} read${rest}`);
  const layers = layersOf(devices ?? []);
  if (layers) page.text(layers, 3);
  const room = Math.min(page.columns - 39, 100);
  const line = page.style.accent(sparkline(bySecond, room));
  page.line(
    `   |${line}| ${format.count(bySecond.length)} s, highest ${fullestSpan(timeline.bucketNs)} ${format.rate(fullestSecond(timeline.readBytes, timeline.bucketNs))}`,
  );
  const times = read?.access?.latency ?? latency;
  const took = times.d2c ?? times.q2c;
  if (took) {
    const [p50, p99] = [took.p50, took.p99].map(format.microseconds);
    row(
      page,
      read?.access ? `A read of the ${subjectOf(read)} takes` : 'A read takes',
      `${p50}`,
      `median; 1 in 100 over ${p99}`,
    );
  }
}

function memory(page: Page, summary: Summary): void {
  const { memory: seen, model: read, otherModels = [] } = summary;
  if (seen.totalBytes === null) return; // an imported trace tells nothing of its machine
  page.section('Memory', `${format.size(seen.totalBytes)} in the machine`);
  if (seen.lockedBytes > 0) row(page, 'Locked by blkscope', format.size(seen.lockedBytes));
  if (seen.limitBytes !== null) {
    const used = seen.limitPeakBytes === null ? '' : `${format.size(seen.limitPeakBytes)} used at most`;
    row(page, 'Limit, page cache included', format.size(seen.limitBytes), used);
  }
  if (read && seen.modelCachedAfter !== null) {
    const bytes = otherModels.reduce((sum, other) => sum + other.bytes, read.bytes);
    barRow(
      page,
      `Of the ${allSubjects(summary)} cached at the end`,
      format.size(seen.modelCachedAfter),
      seen.modelCachedAfter / bytes,
    );
  }
  if (seen.majorFaults !== null) {
    const { limitBytes, refaultedPages: again } = seen;
    const ofLimit =
      limitBytes === null || again === null ? '' : `${format.counted(again, 'page')} read again`;
    row(page, 'Page faults that waited for a read', format.count(seen.majorFaults), ofLimit);
    if (limitBytes === null && again !== null)
      row(page, 'Pages that the machine read again', format.count(again));
  }
}

function cost(page: Page, { tracer, workload }: Summary): void {
  const cpu = tracer.cpuNs + tracer.analysisNs;
  const share = workload && workload.wallNs > 0 ? ` (${format.percent(cpu / workload.wallNs)} of one)` : '';
  const written = format.size(tracer.bytesWrittenToDevice);
  page.section(
    'Cost of tracing',
    `CPU ${format.seconds(cpu)}${share}, memory ${format.size(tracer.peakRssBytes)}, ${written} written`,
  );
}

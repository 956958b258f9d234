import type { Summary } from '../figures/summary-schema.js';
import { tooSmallToTell } from '../workload/weights.js';
import * as format from './format.js';
import { perSecond } from './seconds.js';
import { plainStyle, type Style } from './style.js';

/** A run to compare: how its column is headed, and its summary. */
export interface ComparedRun {
  name: string;
  summary: Summary;
}

interface Row {
  label: string;
  value: (summary: Summary) => number | null | undefined;
  show: (value: number) => string;
}

/** The figures that runs are compared by. */
export const figures: Row[] = [
  { label: 'tokens/s', value: (s) => s.workload?.tokensPerSecond, show: format.decimal },
  { label: 'prompt tokens/s', value: (s) => s.workload?.promptTokensPerSecond, show: format.decimal },
  { label: 'load time', value: (s) => s.workload?.loadNs, show: format.seconds },
  { label: 'wall time', value: (s) => s.workload?.wallNs, show: format.seconds },
  { label: 'model bytes read', value: (s) => s.model?.readBytes, show: format.size },
  { label: 'unique model bytes', value: (s) => s.model?.uniqueBytes, show: format.size },
  { label: 'coverage', value: (s) => s.model?.coverage, show: format.percent },
  {
    label: 're-read factor',
    value: (s) => s.model?.reReadFactor ?? s.reads.reReadFactor,
    show: format.factor,
  },
  { label: 'read per token', value: (s) => s.workload?.bytesPerToken, show: format.size },
  { label: 'all bytes read', value: (s) => s.reads.bytes, show: format.size },
  {
    label: 'not from the model',
    value: (s) => s.model && s.reads.bytes - s.model.readBytes,
    show: format.size,
  },
  { label: 'reads', value: (s) => s.reads.count, show: format.count },
  { label: 'sequential reads', value: (s) => gapShare(s, 'sequential'), show: format.percent },
  { label: 'backward reads', value: (s) => gapShare(s, 'backward'), show: format.percent },
  { label: 'highest second', value: highestSecond, show: format.rate },
  { label: 'major faults', value: (s) => s.memory.majorFaults, show: format.count },
  {
    label: 'read per major fault',
    value: (s) => (s.model && s.memory.majorFaults ? s.model.readBytes / s.memory.majorFaults : null),
    show: format.size,
  },
  {
    label: 'read again',
    value: (s) => s.model && s.model.readBytes - s.model.uniqueBytes,
    show: format.size,
  },
  { label: 'pages refaulted', value: (s) => s.memory.refaultedPages, show: format.count },
  { label: 'stalled on memory', value: (s) => s.memory.memoryStallNs, show: format.seconds },
  { label: 'stalled on disks', value: (s) => s.memory.ioStallNs, show: format.seconds },
  { label: 'model cached after', value: (s) => s.memory.modelCachedAfter, show: format.size },
  { label: 'events lost', value: (s) => s.integrity.eventsDropped, show: format.count },
];

/** How runs were made. */
export const conditions: { label: string; value: (summary: Summary) => string }[] = [
  { label: 'memory', value: pressure },
  { label: 'pinned', value: (s) => (s.memory.pinnedBytes > 0 ? format.size(s.memory.pinnedBytes) : '-') },
  { label: 'cache at start', value: (s) => s.memory.cacheState ?? '-' },
  {
    label: 'readahead',
    value: (s) => (s.memory.readAheadKib === null ? '-' : `${s.memory.readAheadKib} KiB`),
  },
  { label: 'engine', value: (s) => s.workload?.engine ?? '-' },
  { label: 'weights', value: weights },
  { label: 'device', value: (s) => s.source.device },
  { label: 'trace', value: (s) => completeness(s.integrity.complete) },
];

function completeness(complete: boolean | null): string {
  if (complete === null) return 'loss unknown';
  return complete ? 'whole' : 'INCOMPLETE';
}

/** Runs side by side: first what differed in how they were made, then the figures, with the change from the first. */
export function renderComparison(runs: readonly ComparedRun[], style: Style = plainStyle): string {
  const [first, ...others] = runs;
  if (!first) return '';
  const two = runs.length === 2;
  const heads = runs.map((run) => run.name);
  const rows: string[][] = [['', ...heads, ...(two ? ['change'] : [])]];
  for (const { label, value } of conditions) rows.push([label, ...runs.map((run) => value(run.summary))]);
  for (const { label, value, show } of figures) {
    const values = runs.map((run) => value(run.summary) ?? null);
    if (values.every((v) => v === null)) continue;
    const base = values[0] ?? null;
    const changes = others.map((_, i) => changeBetween(base, values[i + 1] ?? null));
    const cells = values.map((v, i) => {
      const text = v === null ? '-' : show(v);
      return two || i === 0 ? text : `${text} (${changes[i - 1]})`;
    });
    rows.push([label, ...cells, ...(two ? [changes[0] as string] : [])]);
  }
  return layOut(rows, style);
}

function changeBetween(from: number | null, to: number | null): string {
  return from === null || to === null ? '-' : format.change(from, to);
}

function pressure({ memory }: Summary): string {
  if (memory.mode === 'none') return 'not limited';
  if (memory.mode === 'limit') return `limit ${format.size(memory.limitBytes ?? 0)}`;
  return `${format.size(memory.lockedBytes)} locked`;
}

function weights({ workload, model }: Summary): string {
  if (!workload) return '-';
  return workload.weights ?? (model && tooSmallToTell(model.bytes) ? 'too small to tell' : '-');
}

function gapShare({ gaps: { device } }: Summary, kind: 'sequential' | 'backward'): number | null {
  if (!device) return null;
  const total = Object.values(device).reduce((sum, n) => sum + n, 0);
  return total === 0 ? null : device[kind] / total;
}

function highestSecond({ timeline }: Summary): number | null {
  const seconds = perSecond(timeline.readBytes, timeline.bucketNs);
  return seconds.length === 0 ? null : Math.max(...seconds);
}

/** Columns as wide as their widest cell, the first to the left. */
export function layOut(rows: string[][], style: Style): string {
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row, index) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number),
    );
    const line = ` ${cells.join('   ')}`.trimEnd();
    return index === 0 ? style.bold(line) : line;
  });
  return `${lines.join('\n')}\n`;
}

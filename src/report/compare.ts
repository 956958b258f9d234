import { runFigures } from '../figures/figures.js';
import type { Summary } from '../figures/summary-schema.js';
import { tooSmallToTell } from '../workload/weights.js';
import { fit } from './fit.js';
import * as format from './format.js';
import { printable } from './printable.js';
import { plainScreen, type Screen } from './screen.js';
import { layOutNamed } from './table.js';
import { toldIn } from './told-figures.js';

/** A run to compare: how its column is headed, and its summary. */
export interface ComparedRun {
  name: string;
  summary: Summary;
}

/** The figures that runs are compared by. */
export const comparedFigures = toldIn('compare', runFigures);

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
export function renderComparison(runs: readonly ComparedRun[], screen: Screen = plainScreen): string {
  return runs.length === 0 ? '' : fit(layOutNamed(comparisonRows(runs), screen), screen.columns);
}

/** The same as rows of cells, the first with the names. */
export function comparisonRows(runs: readonly ComparedRun[]): string[][] {
  const [, ...others] = runs;
  const two = runs.length === 2;
  const heads = runs.map((run) => printable(run.name));
  const rows: string[][] = [['', ...heads, ...(two ? ['change'] : [])]];
  for (const { label, value } of conditions) rows.push([label, ...runs.map((run) => value(run.summary))]);
  for (const { name, value, show } of comparedFigures) {
    const values = runs.map((run) => value(run.summary));
    if (values.every((v) => v === null)) continue;
    const base = values[0] ?? null;
    const changes = others.map((_, i) => changeBetween(base, values[i + 1] ?? null));
    const cells = values.map((v, i) => {
      const text = v === null ? '-' : show(v);
      return two || i === 0 ? text : `${text} (${changes[i - 1]})`;
    });
    rows.push([name, ...cells, ...(two ? [changes[0] as string] : [])]);
  }
  return rows;
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

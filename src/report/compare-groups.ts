import type { Summary } from '../figures/summary-schema.js';
import { comparedFigures, conditions } from './compare.js';
import { fit } from './fit.js';
import * as format from './format.js';
import { printable } from './printable.js';
import { plainScreen, type Screen } from './screen.js';
import { fewestRepeats, type Spread, spreadOf, verdict } from './spread.js';
import { layOutNamed } from './table.js';

/** Repeats of one run: how their column is headed, and their summaries. */
export interface ComparedGroup {
  name: string;
  summaries: readonly Summary[];
  /** The folders of these runs. */
  paths: readonly string[];
}

/** What the marks in the cells mean. */
export const groupsLegend = `mean of the repeats, +- their standard deviation; the change is from the first group.
higher, lower: Welch's t test at 5 %; ~: the spread allows no verdict; ?: fewer than ${fewestRepeats} repeats`;

/** Groups of repeats side by side. Figures that not every run of a group has are left out of it. */
export function renderGroups(
  groups: readonly Pick<ComparedGroup, 'name' | 'summaries'>[],
  screen: Screen = plainScreen,
): string {
  const table = layOutNamed(groupRows(groups), screen);
  return fit(`${table}${groupsLegend.split('\n').map(screen.style.dim).join('\n')}\n`, screen.columns);
}

/** The same as rows of cells, the first with the names. */
export function groupRows(groups: readonly Pick<ComparedGroup, 'name' | 'summaries'>[]): string[][] {
  const rows = [['', ...groups.map(({ name }) => printable(name))]];
  rows.push(['repeats', ...groups.map(({ summaries }) => String(summaries.length))]);
  for (const { label, value } of conditions) {
    rows.push([label, ...groups.map(({ summaries }) => [...new Set(summaries.map(value))].join(', '))]);
  }
  for (const { name, value, show } of comparedFigures) {
    const spreads = groups.map(({ summaries }) => {
      const values = summaries.map(value).filter((v) => v !== null);
      return values.length === summaries.length && values.length > 0 ? spreadOf(values) : null;
    });
    if (spreads.every((spread) => spread === null)) continue;
    const [base] = spreads;
    const cell = (spread: Spread | null, index: number) =>
      spread ? withSpread(spread, show) + (index > 0 && base ? ` (${changeFrom(base, spread)})` : '') : '-';
    rows.push([name, ...spreads.map(cell)]);
  }
  return rows;
}

function withSpread({ mean, deviation, count }: Spread, show: (value: number) => string): string {
  if (count < 2 || mean === 0) return show(mean);
  return `${show(mean)} +-${((deviation / Math.abs(mean)) * 100).toFixed(1)} %`;
}

const marks = { higher: 'higher', lower: 'lower', open: '~', few: '?' } as const;

function changeFrom(base: Spread, to: Spread): string {
  const change = format.change(base.mean, to.mean);
  return change === 'same' ? change : `${change} ${marks[verdict(base, to)]}`;
}

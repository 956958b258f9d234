import type { Unit } from '../figures/figure.js';
import type { Summary } from '../figures/summary-schema.js';
import type { RunConfig } from '../run/config.js';
import {
  beyondLines,
  type CompareOptions,
  type Comparison,
  comparedFigures,
  contendedLine,
  renderCompared,
} from './compare.js';
import { contentionLine, contentions } from './contention.js';
import { differencesOf } from './differences.js';
import { fit } from './fit.js';
import * as format from './format.js';
import { printable } from './printable.js';
import { plainScreen } from './screen.js';
import { fewestRepeats, type Spread, spreadOf, verdict } from './spread.js';

/** Repeats of one run: how their column is headed, and their summaries. */
export interface ComparedGroup {
  name: string;
  summaries: readonly Summary[];
  /** The folders of these runs. */
  paths: readonly string[];
  /** How each was asked for; left out: only what the summaries tell is compared. */
  configs?: readonly (RunConfig | null)[];
}

/** What the marks in the cells mean. */
export const groupsLegend = `mean of the repeats, +- their standard deviation; the change is from the first group.
higher, lower: Welch's t test at 5 %; ~: the spread allows no verdict; ?: fewer than ${fewestRepeats} repeats;
!: no verdict, since the groups differ in more than what was varied, or others took CPU, disk or memory of a repeat`;

/** Runs that were made alike, in a comparison. */
export type Group = Omit<ComparedGroup, 'paths'>;

/**
 * Groups of repeats side by side. Figures that not every run of a group has are left out of it.
 *
 * @example
 * console.log(renderGroups(await openGroups('runs/sweep')));
 */
export function renderGroups(
  groups: readonly Group[],
  { screen = plainScreen, varied }: CompareOptions = {},
): string {
  const legend = groupsLegend.split('\n').map(screen.style.dim).join('\n');
  return `${renderCompared(compareGroups(groups, varied), screen)}${fit(legend, screen.columns)}\n`;
}

/** The same as rows of cells, the first with the names, and what is to be said before them. */
export function compareGroups(groups: readonly Group[], varied?: readonly string[]): Comparison {
  const names = groups.map(({ name }) => printable(name));
  const compared = groups.map(({ summaries, configs }) =>
    summaries.map((summary, i) => ({ summary, config: configs?.[i] ?? null })),
  );
  const { same, rows: differing, beyond } = differencesOf(compared, varied);
  const contended = groups.map(({ summaries }) =>
    summaries.some((summary) => contentions(summary).length > 0),
  );
  const rows = [
    ['', ...names],
    ['repeats', ...groups.map(({ summaries }) => String(summaries.length))],
    ...differing,
  ];
  for (const { name, value, show, unit } of comparedFigures) {
    const spreads = groups.map(({ summaries }) => {
      const values = summaries.map(value).filter((v) => v !== null);
      return values.length === summaries.length && values.length > 0 ? spreadOf(values) : null;
    });
    if (spreads.every((spread) => spread === null)) continue;
    const [base] = spreads;
    const cell = (spread: Spread | null, index: number) => {
      if (!spread) return '-';
      if (index === 0 || !base) return withSpread(spread, show);
      const worthless =
        (beyond[0]?.length ?? 0) > 0 ||
        (beyond[index]?.length ?? 0) > 0 ||
        (timed.has(unit) && (contended[0] || contended[index]));
      return `${withSpread(spread, show)} (${changeFrom(base, spread, worthless ?? false)})`;
    };
    rows.push([name, ...spreads.map(cell)]);
  }
  return { same, warnings: [...beyondLines(names, beyond), ...groups.flatMap(contendedRepeats)], rows };
}

/** What others on the machine change; counts and sizes stay what they are. */
const timed: ReadonlySet<Unit> = new Set(['ns', 'meanNs', 'perSecond', 'bytesPerSecond']);

function contendedRepeats({ name, summaries }: Group): string[] {
  return summaries.flatMap((summary, i) =>
    contendedLine(
      summaries.length > 1 ? `${printable(name)}, repeat ${i + 1}` : printable(name),
      contentionLine(summary),
    ),
  );
}

function withSpread({ mean, deviation, count }: Spread, show: (value: number) => string): string {
  if (count < 2 || mean === 0) return show(mean);
  return `${show(mean)} +-${((deviation / Math.abs(mean)) * 100).toFixed(1)} %`;
}

const marks = { higher: 'higher', lower: 'lower', open: '~', few: '?' } as const;

function changeFrom(base: Spread, to: Spread, worthless: boolean): string {
  const change = format.change(base.mean, to.mean);
  return change === 'same' ? change : `${change} ${worthless ? '!' : marks[verdict(base, to)]}`;
}

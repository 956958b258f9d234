import { runFigures } from '../figures/figures.js';
import type { Summary } from '../figures/summary-schema.js';
import type { RunConfig } from '../run/config.js';
import { contentionLine } from './contention.js';
import { differencesOf } from './differences.js';
import { fit, wrapped } from './fit.js';
import * as format from './format.js';
import { printable } from './printable.js';
import { plainScreen, type Screen } from './screen.js';
import { layOutNamed } from './table.js';
import { type ToldFigure, toldIn } from './told-figures.js';

/** A run to compare: how its column is headed, and its summary. */
export interface ComparedRun {
  name: string;
  summary: Summary;
  /** How it was asked for; left out: only what the summary tells is compared. */
  config?: RunConfig | null;
}

/** The figures that runs are compared by. */
export const comparedFigures: readonly ToldFigure[] = toldIn('compare', runFigures).flatMap((told) =>
  told.name === 'coverage' ? [told, inGeneration(told)] : [told],
);

/** Loading reads everything: what the tokens needed is another figure. */
function inGeneration({ show, unit }: ToldFigure): ToldFigure {
  return {
    name: 'coverage, generation',
    value: (summary) => (summary as Summary).phases?.generation?.model?.coverage ?? null,
    show,
    unit,
  };
}

/**
 * Runs side by side: first what differed in how they were made, then the figures, with the change from the first.
 *
 * @example
 * console.log(renderComparison([{ name: 'before', ...before }, { name: 'after', ...after }]));
 */
export function renderComparison(
  runs: readonly ComparedRun[],
  { screen = plainScreen, varied }: CompareOptions = {},
): string {
  return runs.length === 0 ? '' : renderCompared(compareRuns(runs, varied), screen);
}

/** What a comparison says before its table, and the table: rows of cells, the first with the names. */
export interface Comparison {
  same: string;
  warnings: string[];
  rows: string[][];
}

export function compareRuns(runs: readonly ComparedRun[], varied?: readonly string[]): Comparison {
  const [, ...others] = runs;
  const two = runs.length === 2;
  const compared = runs.map(({ summary, config = null }) => [{ summary, config }]);
  const { same, rows: differing, beyond } = differencesOf(compared, varied);
  const heads = runs.map((run) => printable(run.name));
  const rows: string[][] = [['', ...heads, ...(two ? ['change'] : [])], ...differing];
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
  const warnings = [
    ...beyondLines(heads, beyond),
    ...runs.flatMap(({ summary }, i) => contendedLine(heads[i] as string, contentionLine(summary))),
  ];
  return { same, warnings, rows };
}

/** How a comparison is written. */
export interface CompareOptions {
  /** Default: 80 columns without colours. */
  screen?: Screen;
  /** Labels of the conditions that were varied on purpose, see conditions.ts; not given: one may differ. */
  varied?: readonly string[];
}

export function renderCompared({ same, warnings, rows }: Comparison, screen: Screen): string {
  const { style, columns } = screen;
  const lines = (text: string, look: (line: string) => string) =>
    wrapped(text, columns - 1).map((line) => ` ${look(line)}`);
  const head = same === '' ? [] : lines(`The same in all: ${same}`, style.dim);
  const told = warnings.flatMap((line) => lines(line, style.warn));
  return fit([...head, ...told, layOutNamed(rows, screen)].join('\n'), columns);
}

/** Which of the runs or groups cannot be compared with the first, and why. */
export function beyondLines(names: readonly string[], beyond: readonly (readonly string[])[]): string[] {
  return beyond.flatMap((labels, i) =>
    labels.length === 0
      ? []
      : [
          i === 0
            ? `${names[0]} is no group of repeats: its runs differ in ${labels.join(', ')}`
            : `${names[i]} differs from ${names[0]} in ${labels.join(', ')}: no figure's change can be laid to one of them`,
        ],
  );
}

export function contendedLine(name: string, line: string | null): string[] {
  return line === null ? [] : [`CONTENDED: ${name}: ${line}`];
}

function changeBetween(from: number | null, to: number | null): string {
  return from === null || to === null ? '-' : format.change(from, to);
}

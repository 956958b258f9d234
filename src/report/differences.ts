import { type Compared, chosen, differences, outcomes } from './conditions.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

/** More characters than this of a value, such as a prompt, are left out of a table. */
const mostShown = 40;

export interface DifferenceOptions {
  /** Labels of the conditions that were varied on purpose; not given: nobody said, and one may be. */
  varied?: readonly string[] | undefined;
  style: Style;
}

/** How groups of runs (a run alone is a group) were made: what is the same in a line, and what differs in rows. */
export interface Differences {
  same: string;
  rows: string[][];
  /** Conditions in which each group differs from the first beyond what was varied: they allow no verdict. */
  beyond: string[][];
}

export function differencesOf(
  groups: readonly (readonly Compared[])[],
  varied?: readonly string[],
): Differences {
  const differing = differences(groups);
  const show = (runs: readonly Compared[], value: (run: Compared) => string) =>
    [...new Set(runs.map(value))].map(shortened).join(' | ');
  const same = chosen
    .filter(({ label }) => !differing.includes(label))
    .map(({ label, value }) => ({ label, text: show(groups[0] ?? [], value) }))
    .filter(({ text }) => text !== '-')
    .map(({ label, text }) => `${label} ${text}`);
  const rows = [...chosen.filter(({ label }) => differing.includes(label)), ...outcomes].map(
    ({ label, value }) => [label, ...groups.map((runs) => show(runs, value))],
  );
  const [base = []] = groups;
  const beyond = groups.map((runs) => {
    const labels = [...differences([base, runs]), ...mixed(base), ...mixed(runs)].filter(
      (label, i, all) => all.indexOf(label) === i && !varied?.includes(label),
    );
    // One that differs is what was varied.
    return varied === undefined && labels.length <= 1 && mixed(runs).length === 0 ? [] : labels;
  });
  return { same: same.join('; '), rows, beyond };
}

/** Conditions in which the repeats of one group differ. */
function mixed(runs: readonly Compared[]): string[] {
  return differences(runs.map((run) => [run]));
}

function shortened(text: string): string {
  const clean = printable(text);
  return clean.length <= mostShown ? clean : `${clean.slice(0, mostShown - 3)}...`;
}

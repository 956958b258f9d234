import type { Summary } from '../figures/summary-schema.js';
import { overview } from './overview.js';
import { Page } from './page.js';
import { plainScreen, type Screen } from './screen.js';
import { sectionOf, sections } from './sections.js';
import { countsAreLow } from './subject.js';

/** How a report is written. */
export interface ReportOptions {
  /** What the first line names, such as the run folder. */
  title?: string;
  /** Default: 80 columns without colours. */
  screen?: Screen;
  /** Every section. */
  all?: boolean;
  /** These sections alone, by their names in `sectionNames`. */
  only?: readonly string[];
}

/**
 * A run's report for a terminal: a verdict in plain words, then what fits into 40 lines; or all sections, or some.
 *
 * Throws BlkscopeError NO_SECTION for a name that no section has.
 *
 * @example
 * console.log(renderReport(run.summary, { title: run.path, all: true }));
 */
export function renderReport(summary: Summary, options: ReportOptions = {}): string {
  const { title, screen = plainScreen, all = false, only = [] } = options;
  const page = new Page(screen.style, screen.columns, countsAreLow(summary));
  const chosen = only.map(sectionOf);
  if (chosen.length === 0) overview(page, summary, { title, brief: !all });
  for (const section of all ? sections : chosen) section(page, summary);
  return page.toString().replace(/^\n/, '');
}

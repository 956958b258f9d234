import { BlkscopeError } from '../../errors.js';
import { renderNaive } from '../../report/naive.js';
import { renderRegions } from '../../report/regions-section.js';
import type { Screen } from '../../report/screen.js';
import { curveSection } from '../../report/section-names.js';
import { renderReport } from '../../report/terminal.js';
import { openRun, type Run } from '../../store/open-run.js';
import { print, printPath, shortPath, stdoutScreen } from '../screen.js';
import { showRun } from '../session.js';

export interface ReportFlags {
  json?: boolean;
  all?: boolean;
  section?: string[];
  regions?: boolean;
  naive?: boolean;
  html?: string;
}

export async function report(path: string, flags: ReportFlags): Promise<void> {
  await using run = await openRun(path);
  // summary.json holds what the others print.
  if (flags.html) await writePage(run, flags.html);
  else if (flags.json) await showRun({ run, problem: null }, true);
  else if (flags.regions) showRegions(run, path);
  else if (flags.naive) print(renderNaive(run.summary, stdoutScreen()));
  else if (flags.all || flags.section) await showSections(run, flags);
  else await showRun({ run, problem: null }, false);
}

async function writePage(run: Run, file: string): Promise<void> {
  const { runPage } = await import('../../page/run-page.js');
  const { writePage: writeHtml } = await import('../../page/write-page.js');
  const text = await runPage(run, shortPath(run.path));
  await writeHtml(file, text);
  printPath(file);
}

async function showSections(run: Run, { all = false, section = [] }: ReportFlags): Promise<void> {
  const { path, summary } = run;
  const screen = stdoutScreen();
  const told = section.filter((name) => name !== curveSection);
  const wanted = all || told.length > 0;
  const parts = wanted ? [renderReport(summary, { title: shortPath(path), screen, all, only: told })] : [];
  if (all || section.includes(curveSection)) parts.push(await drawnCurve(run, screen));
  const text = parts.join('');
  if (text.trim() === '')
    throw new BlkscopeError('NOT_KNOWN', `${path}: nothing is known of ${section.join(', ')} in this run`);
  process.stdout.write(text);
}

async function drawnCurve(run: Run, screen: Screen): Promise<string> {
  if (!run.summary.touches) return '';
  const { watchedCurve } = await import('../../curve/curve.js');
  const { renderCurveSection } = await import('../../report/curve.js');
  const curve = await watchedCurve(run);
  return curve ? renderCurveSection(curve, screen) : '';
}

function showRegions(run: Run, path: string): void {
  const text = renderRegions(run.summary, stdoutScreen());
  if (text === '')
    throw new BlkscopeError('NO_REGIONS', `${path}: the run names no model, so it has no regions`);
  process.stdout.write(text);
}

import { BlkscopeError } from '../errors.js';
import { accessFigure } from '../plot/access.js';
import { cliffFigure } from '../plot/cliff.js';
import type { PlotFigure } from '../plot/figure.js';
import { makers, ofSeveral } from '../plot/figures-of.js';
import { foreseenFigure } from '../plot/foreseen.js';
import type { ColourMode, OrderMode } from '../plot/kinds.js';
import { el } from '../plot/svg.js';
import { plainColours, plotStyle } from '../plot/theme.js';
import type { ComparedGroup } from '../report/compare-groups.js';
import { csvLine } from '../report/rows.js';
import { openRun } from '../store/open-run.js';
import { cliffPoints } from './compare-page.js';
import { foreseenRuns } from './foreseen.js';
import { runData } from './run-data.js';

export interface PlotOptions {
  kind: string;
  colour: ColourMode;
  place: OrderMode;
  /** In millimetres; the height follows from the width where it is left out. */
  width: number;
  height?: number;
}

/** Pixels of CSS in a millimetre. */
const perMillimetre = 96 / 25.4;

/**
 * A figure of runs as SVG, and its data as CSV.
 * Throws BlkscopeError: BAD_ARGUMENT for a figure of one run that is given several; NO_FIGURE where the runs have no data for it.
 */
export async function plotRuns(
  groups: readonly ComparedGroup[],
  options: PlotOptions,
): Promise<{ svg: string; csv: string }> {
  const figure = await figureOf(groups, options);
  if (!figure)
    throw new BlkscopeError(
      'NO_FIGURE',
      `--kind ${options.kind}: ${groups.map(({ name }) => name).join(', ')} has no data for it`,
    );
  const width = Math.round(options.width * perMillimetre);
  const height = Math.round(
    options.height === undefined ? figure.heightFor(width) : options.height * perMillimetre,
  );
  const drawn = figure.draw({ width, height });
  // Alone in its file, and some readers of SVG know no selectors of descendants.
  const style = el('style', {}, plotStyle.replaceAll('.plot ', ''));
  const sized = drawn.replace(
    /^<svg([^>]*) width="[^"]*" height="[^"]*"/,
    `<svg$1 width="${options.width}mm" height="${Math.round(height / perMillimetre)}mm"`,
  );
  const svg = plainColours(sized.replace(/>/, `>${style}`));
  const { columns, rows } = figure.table();
  return { svg: `${svg}\n`, csv: csvLine(columns) + rows.map(csvLine).join('') };
}

async function figureOf(
  groups: readonly ComparedGroup[],
  { kind, colour, place }: PlotOptions,
): Promise<PlotFigure | null> {
  if (kind === 'cliff') return cliffFigure(cliffPoints(groups), (await foreseenRuns(groups)).curves);
  if (kind === 'foreseen') return foreseenFigure((await foreseenRuns(groups)).points);
  const paths = groups.flatMap((group) =>
    group.paths.map((path, i) => ({
      path,
      name: group.paths.length > 1 ? `${group.name} ${i + 1}` : group.name,
    })),
  );
  if (paths.length > 1 && !ofSeveral.some((several) => several === kind))
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      `--kind ${kind} shows one run; those that show several are ${[...ofSeveral, 'cliff', 'foreseen'].join(', ')}`,
    );
  const data = [];
  for (const { path, name } of paths) {
    await using run = await openRun(path);
    data.push(await runData(run, name));
  }
  const [first, ...others] = data;
  if (!first) return null;
  if (kind === 'access') return accessFigure(first, colour, place);
  return makers[kind]?.([first, ...others]) ?? null;
}

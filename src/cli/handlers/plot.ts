import { extname } from 'node:path';
import { BlkscopeError } from '../../errors.js';
import { given } from '../../experiment/trace-options.js';
import { pictureFile, pictureFormats } from '../../page/picture-file.js';
import { type PlotOptions, plotRuns } from '../../page/plot-run.js';
import { writePage } from '../../page/write-page.js';
import { openGroups } from '../../sweep/groups.js';
import { printPath } from '../screen.js';

export interface PlotFlags extends PlotOptions {
  output: string;
}

export async function plot(
  paths: string[],
  { output, kind, colour, place, width, height }: PlotFlags,
): Promise<void> {
  const format = pictureFormats.find((ending) => extname(output).toLowerCase() === `.${ending}`);
  if (!format)
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      `-o ${output}: give a name that ends in .${pictureFormats.join(', .')}`,
    );
  const groups = (await Promise.all(paths.map(openGroups))).flat();
  const { svg, csv } = await plotRuns(groups, { kind, colour, place, width, ...given({ height }) });
  const picture = await pictureFile(svg, format);
  const data = `${output.slice(0, -4)}.csv`;
  await writePage(output, picture);
  await writePage(data, csv);
  printPath(output);
  printPath(data);
}

import { extname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { BlkscopeError } from '../errors.js';
import { given } from '../experiment/trace-options.js';
import { pictureFile, pictureFormats } from '../page/picture-file.js';
import { type PlotOptions, plotKinds, plotRuns } from '../page/plot-run.js';
import { writePage } from '../page/write-page.js';
import { colourModes, orderModes } from '../plot/access.js';
import { openGroups } from '../sweep/groups.js';
import { printPath } from './screen.js';

interface PlotFlags extends PlotOptions {
  output: string;
}

export function plotCommand(): Command {
  return new Command('plot')
    .argument('<runs...>', 'run folders, and folders of runs that sweep or run --repeat made')
    .addOption(new Option('--kind <kind>', 'which figure').choices(plotKinds).makeOptionMandatory())
    .requiredOption(
      '-o, --output <file>',
      'the file, by its ending svg, pdf or png; its data goes to a CSV file of the same name',
    )
    .option('--width <mm>', 'its width in millimetres (default: 85, a column)', millimetres, 85)
    .option('--height <mm>', 'its height in millimetres (default: as suits the width)', millimetres)
    .addOption(new Option('--colour <by>', 'access: what colours tell').choices(colourModes).default('role'))
    .addOption(
      new Option('--place <where>', 'access: places in the file or on the disk')
        .choices(orderModes)
        .default('file'),
    )
    .action(plot);
}

function millimetres(text: string): number {
  const value = Number(text);
  if (value >= 40 && value <= 2000) return value;
  throw new InvalidArgumentError(`'${text}' is not a number of millimetres from 40 to 2000.`);
}

async function plot(
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

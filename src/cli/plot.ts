import { Command, InvalidArgumentError, Option } from 'commander';
import { colourModes, orderModes, plotKinds } from '../plot/kinds.js';
import type { PlotFlags } from './handlers/plot.js';

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
    .action(async (paths: string[], flags: PlotFlags) =>
      (await import('./handlers/plot.js')).plot(paths, flags),
    );
}

function millimetres(text: string): number {
  const value = Number(text);
  if (value >= 40 && value <= 2000) return value;
  throw new InvalidArgumentError(`'${text}' is not a number of millimetres from 40 to 2000.`);
}

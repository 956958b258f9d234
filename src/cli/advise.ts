import { Command } from 'commander';
import type { AdviseFlags } from './handlers/advise.js';
import { positive } from './options.js';

export function adviseCommand(): Command {
  return new Command('advise')
    .argument('<run>', 'the run folder')
    .option(
      '--touches <run>',
      'a run of the same model with --profile-touches, which shows the experts that tokens use',
    )
    .option('--verify', 'run again with the best changes, and print what was predicted and measured')
    .option('--best <count>', 'with --verify: how many changes to try', positive, 2)
    .option('--mount', 'with --verify: mount tracefs and debugfs for the runs where they are not mounted')
    .option('--json', 'print everything as JSON, with the curve')
    .action(async (path: string, flags: AdviseFlags) =>
      (await import('./handlers/advise.js')).adviseOn(path, flags),
    );
}

import { Command } from 'commander';
import type { SweepFlags } from './handlers/sweep.js';

export function sweepCommand(): Command {
  return new Command('sweep')
    .argument('<file>', 'YAML or JSON; docs/experiment.md lists its keys')
    .option('--mount', 'mount tracefs and debugfs for each run where they are not mounted')
    .option('--json', 'print the groups with their summaries')
    .action(async (file: string, flags: SweepFlags) =>
      (await import('./handlers/sweep.js')).sweepRuns(file, flags),
    );
}

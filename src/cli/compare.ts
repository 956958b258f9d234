import { Command, InvalidArgumentError, Option } from 'commander';
import { chosen } from '../report/conditions.js';
import type { CompareFlags } from './handlers/compare.js';

export function compareCommand(): Command {
  return new Command('compare')
    .argument('<runs...>', 'run folders, and folders of runs that sweep or run --repeat made')
    .addOption(
      new Option(
        '--varied <conditions>',
        'what was varied on purpose, separated by commas, such as memory,readahead (default: one condition may differ)',
      ).argParser(conditions),
    )
    .option('--json', 'print the groups with their summaries as one array')
    .option('--html <file>', 'write a page with figures on the same axes')
    .action(async (paths: string[], flags: CompareFlags) =>
      (await import('./handlers/compare.js')).compare(paths, flags),
    );
}

function conditions(text: string): string[] {
  const known = chosen.map(({ label }) => label);
  return text.split(',').map((name) => {
    const label = name.trim();
    if (known.includes(label)) return label;
    throw new InvalidArgumentError(`'${label}' is no condition; there are ${known.join(', ')}.`);
  });
}

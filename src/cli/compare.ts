import { Command } from 'commander';
import { openGroups, renderComparison, renderGroups } from '../index.js';
import { stdoutScreen } from './screen.js';

export function compareCommand(): Command {
  return new Command('compare')
    .description('show runs, or groups of repeated runs, side by side, with the change from the first')
    .argument('<runs...>', 'run folders, and folders of runs that sweep or run --repeat made')
    .option('--json', 'print the groups with their summaries as one array')
    .action(async (paths: string[], flags: { json?: boolean }) => {
      const groups = (await Promise.all(paths.map(openGroups))).flat();
      const single = groups.flatMap(({ name, summaries: [summary, ...more] }) =>
        summary && more.length === 0 ? [{ name, summary }] : [],
      );
      const screen = stdoutScreen();
      if (flags.json) process.stdout.write(`${JSON.stringify(groups, null, 2)}\n`);
      else
        process.stdout.write(
          single.length === groups.length ? renderComparison(single, screen) : renderGroups(groups, screen),
        );
    });
}

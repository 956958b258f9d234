import { Command } from 'commander';
import { type ComparedGroup, openGroups, renderComparison, renderGroups } from '../index.js';
import { print, stdoutScreen } from './screen.js';

export function compareCommand(): Command {
  return new Command('compare')
    .argument('<runs...>', 'run folders, and folders of runs that sweep or run --repeat made')
    .option('--json', 'print the groups with their summaries as one array')
    .option('--html <file>', 'write a page with figures on the same axes')
    .action(async (paths: string[], flags: { json?: boolean; html?: string }) => {
      const groups = (await Promise.all(paths.map(openGroups))).flat();
      const single = groups.flatMap(({ name, summaries: [summary, ...more] }) =>
        summary && more.length === 0 ? [{ name, summary }] : [],
      );
      const screen = stdoutScreen();
      if (flags.html) await writeComparison(groups, flags.html);
      else if (flags.json) process.stdout.write(`${JSON.stringify(groups, null, 2)}\n`);
      else
        process.stdout.write(
          single.length === groups.length ? renderComparison(single, screen) : renderGroups(groups, screen),
        );
    });
}

async function writeComparison(groups: readonly ComparedGroup[], file: string): Promise<void> {
  const { comparePage } = await import('../page/compare-page.js');
  const { writePage } = await import('../page/write-page.js');
  await writePage(file, await comparePage(groups, titleOf(groups)));
  print(`${file}\n`);
}

const longestTitle = 60;

function titleOf(groups: readonly ComparedGroup[]): string {
  const names = groups.map(({ name }) => name).join(', ');
  return names.length <= longestTitle ? names : `${groups.length} runs side by side`;
}

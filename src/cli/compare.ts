import { Command, InvalidArgumentError, Option } from 'commander';
import { given } from '../experiment/trace-options.js';
import { type ComparedGroup, openGroups, renderComparison, renderGroups } from '../index.js';
import { chosen } from '../report/conditions.js';
import { printPath, stdoutScreen } from './screen.js';

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
    .action(async (paths: string[], flags: { json?: boolean; html?: string; varied?: string[] }) => {
      const groups = (await Promise.all(paths.map(openGroups))).flat();
      if (flags.json) {
        const told = groups.map(({ name, summaries }) => ({ name, summaries }));
        process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
        return;
      }
      const single = groups.flatMap(({ name, summaries: [summary, ...more], configs }) =>
        summary && more.length === 0 ? [{ name, summary, config: configs?.[0] ?? null }] : [],
      );
      if (flags.html) {
        await writeComparison(groups, flags.html, flags.varied);
        return;
      }
      const options = { screen: stdoutScreen(), ...given({ varied: flags.varied }) };
      const alone = single.length === groups.length;
      process.stdout.write(alone ? renderComparison(single, options) : renderGroups(groups, options));
    });
}

async function writeComparison(
  groups: readonly ComparedGroup[],
  file: string,
  varied: readonly string[] | undefined,
): Promise<void> {
  const { comparePage } = await import('../page/compare-page.js');
  const { writePage } = await import('../page/write-page.js');
  await writePage(file, await comparePage(groups, titleOf(groups), varied));
  printPath(file);
}

const longestTitle = 60;

function titleOf(groups: readonly ComparedGroup[]): string {
  const names = groups.map(({ name }) => name).join(', ');
  return names.length <= longestTitle ? names : `${groups.length} runs side by side`;
}

function conditions(text: string): string[] {
  const known = chosen.map(({ label }) => label);
  return text.split(',').map((name) => {
    const label = name.trim();
    if (known.includes(label)) return label;
    throw new InvalidArgumentError(`'${label}' is no condition; there are ${known.join(', ')}.`);
  });
}

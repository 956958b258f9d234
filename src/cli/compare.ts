import { basename } from 'node:path';
import { Command } from 'commander';
import { openRun, renderComparison } from '../index.js';
import { styleFor } from '../report/style.js';

export function compareCommand(): Command {
  return new Command('compare')
    .description('show runs side by side, with the changes from the first')
    .argument('<runs...>', 'run folders')
    .option('--json', 'print the summaries as one array')
    .action(async (paths: string[], flags: { json?: boolean }) => {
      const runs = [];
      for (const path of paths) {
        await using run = await openRun(path);
        runs.push({ name: basename(run.path), summary: run.summary });
      }
      const text = flags.json
        ? JSON.stringify(runs, null, 2)
        : renderComparison(runs, styleFor(process.stdout)).trimEnd();
      process.stdout.write(`${text}\n`);
    });
}

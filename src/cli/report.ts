import { Command } from 'commander';
import { openRun } from '../index.js';
import { showRun } from './session.js';

export function reportCommand(): Command {
  return new Command('report')
    .description('print the report of a finished run')
    .argument('<run>', 'the run folder')
    .option('--json', 'print summary.json')
    .action(async (path: string, flags: { json?: boolean }) => {
      await using run = await openRun(path);
      showRun({ run, problem: null }, flags.json ?? false);
    });
}

import { Command } from 'commander';
import { BlkscopeError } from '../errors.js';
import { renderNaive } from '../report/naive.js';
import { renderRegions } from '../report/regions-section.js';
import { openRun, type Run } from '../store/open-run.js';
import { showRun } from './session.js';

export function reportCommand(): Command {
  return new Command('report')
    .description('print the report of a finished run')
    .argument('<run>', 'the run folder')
    .option('--json', 'print summary.json')
    .option('--regions', 'print every tensor, layer, role and expert, and what was never read')
    .option(
      '--naive',
      'print what a script would find that counts every event as a read, beside the right figures',
    )
    .action(async (path: string, flags: { json?: boolean; regions?: boolean; naive?: boolean }) => {
      await using run = await openRun(path);
      // summary.json holds what the two others print.
      if (flags.json) await showRun({ run, problem: null }, true);
      else if (flags.regions) showRegions(run, path);
      else if (flags.naive) process.stdout.write(renderNaive(run.summary));
      else await showRun({ run, problem: null }, false);
    });
}

function showRegions(run: Run, path: string): void {
  const text = renderRegions(run.summary);
  if (text === '')
    throw new BlkscopeError('NO_REGIONS', `${path}: the run names no model, so it has no regions`);
  process.stdout.write(text);
}

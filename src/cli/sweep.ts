import { Command } from 'commander';
import {
  BlkscopeError,
  type PlannedOutcome,
  plannedGroups,
  readSweep,
  renderGroups,
  runSweep,
} from '../index.js';
import { stdoutScreen } from './screen.js';
import { withSession } from './session.js';

export function sweepCommand(): Command {
  return new Command('sweep')
    .description('make every run that a file lists, continue after an interruption, and compare the runs')
    .argument('<file>', 'YAML or JSON; docs/experiment.md lists its keys')
    .option('--mount', 'mount tracefs and debugfs for each run where they are not mounted')
    .option('--json', 'print the groups with their summaries')
    .action(async (file: string, flags: { json?: boolean; mount?: boolean }) => {
      const sweep = readSweep(file);
      const outcomes = await withSession((session) =>
        runSweep(sweep, { ...session, commandLine: process.argv, mount: flags.mount ?? false }),
      );
      showOutcomes(outcomes, flags.json ?? false);
    });
}

/** Prints the comparison of what was made; what failed becomes the exit. */
export function showOutcomes(outcomes: readonly PlannedOutcome[], json: boolean): void {
  const groups = plannedGroups(outcomes);
  const text = json ? `${JSON.stringify(groups, null, 2)}\n` : renderGroups(groups, stdoutScreen());
  if (groups.length > 0) process.stdout.write(text);
  const failed = outcomes.filter(({ error }) => error !== null);
  if (failed.length === 0) return;
  const [first] = failed;
  throw new BlkscopeError(
    'RUNS_FAILED',
    `${failed.length} of ${outcomes.length} runs failed, the first with: ${first?.error?.message}; run the same command again to repeat only those`,
    'workload',
  );
}

import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import {
  BlkscopeError,
  type PlannedOutcome,
  plannedGroups,
  readSweep,
  renderGroups,
  runSweep,
} from '../index.js';
import { printable } from '../report/printable.js';
import { variedIn } from '../sweep/sweep-plan.js';
import { stdoutScreen } from './screen.js';
import { withSession } from './session.js';

export function sweepCommand(): Command {
  return new Command('sweep')
    .argument('<file>', 'YAML or JSON; docs/experiment.md lists its keys')
    .option('--mount', 'mount tracefs and debugfs for each run where they are not mounted')
    .option('--json', 'print the groups with their summaries')
    .action(async (file: string, flags: { json?: boolean; mount?: boolean }) => {
      const sweep = readSweep(file);
      const outcomes = await withSession((session) =>
        runSweep(sweep, { ...session, commandLine: process.argv, mount: flags.mount ?? false }),
      );
      await writeComparison(file, outcomes, variedIn(sweep));
      showOutcomes(outcomes, flags.json ?? false, variedIn(sweep));
    });
}

/** The page of all runs that are good, beside them; one of an earlier call is replaced. */
async function writeComparison(
  file: string,
  outcomes: readonly PlannedOutcome[],
  varied: readonly string[],
): Promise<void> {
  const groups = plannedGroups(outcomes);
  const [path] = groups[0]?.paths ?? [];
  if (path === undefined) return;
  const { comparePage } = await import('../page/compare-page.js');
  const { renewPage } = await import('../page/write-page.js');
  const page = join(dirname(path), 'comparison.html');
  await renewPage(page, await comparePage(groups, basename(file), varied));
  process.stderr.write(`blkscope: ${printable(page)} has the figures\n`);
}

/** Prints the comparison of what was made; what failed becomes the exit. */
export function showOutcomes(
  outcomes: readonly PlannedOutcome[],
  json: boolean,
  varied: readonly string[] = [],
): void {
  const groups = plannedGroups(outcomes);
  const told = groups.map(({ name, summaries }) => ({ name, summaries }));
  const text = json
    ? `${JSON.stringify(told, null, 2)}\n`
    : renderGroups(groups, { screen: stdoutScreen(), varied });
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

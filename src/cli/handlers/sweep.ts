import { basename, dirname, join } from 'node:path';
import { runSweep } from '../../api/experiments.js';
import { BlkscopeError } from '../../errors.js';
import { renderGroups } from '../../report/compare-groups.js';
import { printable } from '../../report/printable.js';
import { plannedGroups } from '../../sweep/groups.js';
import type { PlannedOutcome } from '../../sweep/run-planned.js';
import { readSweep } from '../../sweep/sweep-file.js';
import { variedIn } from '../../sweep/sweep-plan.js';
import { stdoutScreen } from '../screen.js';
import { withSession } from '../session.js';

export interface SweepFlags {
  json?: boolean;
  mount?: boolean;
}

export async function sweepRuns(file: string, flags: SweepFlags): Promise<void> {
  const sweep = readSweep(file);
  const outcomes = await withSession((session) =>
    runSweep(sweep, { ...session, commandLine: process.argv, mount: flags.mount ?? false }),
  );
  await writeComparison(file, outcomes, variedIn(sweep));
  showOutcomes(outcomes, flags.json ?? false, variedIn(sweep));
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
  const { comparePage } = await import('../../page/compare-page.js');
  const { renewPage } = await import('../../page/write-page.js');
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

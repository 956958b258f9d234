import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BlkscopeError } from '../errors.js';
import type { ComparedGroup } from '../report/compare-groups.js';
import { runFiles } from '../run/run-folder.js';
import { openRun, type Run } from '../store/open-run.js';
import { groupOfFolder, type PlannedRun } from './sweep-plan.js';

/**
 * The groups that a folder of runs holds, as a sweep or `--repeat` leaves it; a run's own folder is a group of one.
 *
 * Throws BlkscopeError: ENOENT, NOT_A_RUN, and what `openRun` throws.
 *
 * @example
 * console.log(renderGroups(await openGroups('runs/sweep')));
 */
export async function openGroups(path: string): Promise<ComparedGroup[]> {
  if (existsSync(join(path, runFiles.summary))) return [groupOf(basename(path), [await runAt(path)])];
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new BlkscopeError('ENOENT', `${path}: no such run folder`);
  }
  const names = readdirSync(path)
    .filter((name) => /-r\d+$/.test(name) && existsSync(join(path, name, runFiles.summary)))
    .sort(new Intl.Collator('en', { numeric: true }).compare);
  if (names.length === 0) {
    throw new BlkscopeError('NOT_A_RUN', `${path} is neither a run folder nor a folder of repeated runs`);
  }
  const groups = new Map<string, OpenedRun[]>();
  for (const name of names) {
    const group = groupOfFolder(name);
    groups.set(group, [...(groups.get(group) ?? []), await runAt(join(path, name))]);
  }
  return [...groups].map(([name, runs]) => groupOf(name, runs));
}

/** What of a run a comparison needs. */
export type OpenedRun = Pick<Run, 'summary' | 'config' | 'path'>;

function groupOf(name: string, runs: readonly OpenedRun[]): ComparedGroup {
  return {
    name,
    summaries: runs.map(({ summary }) => summary),
    configs: runs.map(({ config }) => config),
    paths: runs.map(({ path }) => path),
  };
}

/**
 * The groups of a plan in its order, of the runs that were good.
 *
 * @example
 * console.log(renderGroups(plannedGroups(await runSweep(sweep))));
 */
export function plannedGroups(
  outcomes: readonly { plan: PlannedRun; run: OpenedRun | null }[],
): ComparedGroup[] {
  const names = [...new Set(outcomes.map(({ plan }) => plan.group))];
  return names.flatMap((name) => {
    const runs = outcomes.flatMap(({ plan, run }) => (plan.group === name && run ? [run] : []));
    return runs.length > 0 ? [groupOf(name, runs)] : [];
  });
}

async function runAt(path: string): Promise<OpenedRun> {
  await using run = await openRun(path);
  return run;
}

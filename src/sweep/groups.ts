import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BlkscopeError } from '../errors.js';
import type { ComparedGroup } from '../report/compare-groups.js';
import { runFiles } from '../run/run-folder.js';
import { openRun } from '../store/open-run.js';
import { groupOfFolder, type PlannedRun } from './sweep-plan.js';

/**
 * The groups that a folder of runs holds, as a sweep or `--repeat` leaves it; a run's own folder is a group of one.
 *
 * Throws BlkscopeError: ENOENT, NOT_A_RUN, and what `openRun` throws.
 */
export async function openGroups(path: string): Promise<ComparedGroup[]> {
  if (existsSync(join(path, runFiles.summary)))
    return [{ name: basename(path), summaries: [await summaryOf(path)], paths: [path] }];
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new BlkscopeError('ENOENT', `${path}: no such run folder`);
  }
  const names = readdirSync(path)
    .filter((name) => /-r\d+$/.test(name) && existsSync(join(path, name, runFiles.summary)))
    .sort(new Intl.Collator('en', { numeric: true }).compare);
  if (names.length === 0) {
    throw new BlkscopeError('NOT_A_RUN', `${path} is neither a run folder nor a folder of repeated runs`);
  }
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const group = groupOfFolder(name);
    groups.set(group, [...(groups.get(group) ?? []), join(path, name)]);
  }
  return Promise.all(
    [...groups].map(async ([name, paths]) => ({
      name,
      paths,
      summaries: await Promise.all(paths.map(summaryOf)),
    })),
  );
}

/** The groups of a plan in its order, of the runs that were good. */
export function plannedGroups(
  outcomes: readonly { plan: PlannedRun; summary: ComparedGroup['summaries'][number] | null }[],
): ComparedGroup[] {
  const names = [...new Set(outcomes.map(({ plan }) => plan.group))];
  return names.flatMap((name) => {
    const good = outcomes.flatMap(({ plan, summary }) =>
      plan.group === name && summary ? [{ summary, path: plan.options.output }] : [],
    );
    if (good.length === 0) return [];
    return [{ name, summaries: good.map(({ summary }) => summary), paths: good.map(({ path }) => path) }];
  });
}

async function summaryOf(path: string): Promise<ComparedGroup['summaries'][number]> {
  await using run = await openRun(path);
  return run.summary;
}

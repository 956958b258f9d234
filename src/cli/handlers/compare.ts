import { given } from '../../experiment/trace-options.js';
import { renderComparison } from '../../report/compare.js';
import { type ComparedGroup, renderGroups } from '../../report/compare-groups.js';
import { openGroups } from '../../sweep/groups.js';
import { printPath, stdoutScreen } from '../screen.js';

export interface CompareFlags {
  json?: boolean;
  html?: string;
  varied?: string[];
}

export async function compare(paths: string[], flags: CompareFlags): Promise<void> {
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
}

async function writeComparison(
  groups: readonly ComparedGroup[],
  file: string,
  varied: readonly string[] | undefined,
): Promise<void> {
  const { comparePage } = await import('../../page/compare-page.js');
  const { writePage } = await import('../../page/write-page.js');
  await writePage(file, await comparePage(groups, titleOf(groups), varied));
  printPath(file);
}

const longestTitle = 60;

function titleOf(groups: readonly ComparedGroup[]): string {
  const names = groups.map(({ name }) => name).join(', ');
  return names.length <= longestTitle ? names : `${groups.length} runs side by side`;
}

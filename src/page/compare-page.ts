import { basename } from 'node:path';
import { greatest } from '../extremes.js';
import type { Summary } from '../figures/summary-schema.js';
import type { CliffPoint } from '../plot/cliff.js';
import type { RunData } from '../plot/run-data.js';
import { escaped } from '../plot/svg.js';
import { compareRuns } from '../report/compare.js';
import { type ComparedGroup, compareGroups, groupsLegend } from '../report/compare-groups.js';
import { openRun } from '../store/open-run.js';
import { foreseenRuns } from './foreseen.js';
import { htmlPage } from './html.js';
import { type MapSize, runData } from './run-data.js';

/** Of many runs on one page each has a coarser map. */
const smallMap: MapSize = { times: 4096, places: 512, mostCells: 30_000 };
/** More groups than these are told as numbers and points alone. */
const mostShown = 8;

/** Runs, or groups of repeats, on one page: the table of `compare`, the memory cliff, and the first run of each group on the same axes. */
export async function comparePage(
  groups: readonly ComparedGroup[],
  title: string,
  varied?: readonly string[],
): Promise<string> {
  const runs: RunData[] = [];
  for (const { name, paths } of groups.slice(0, mostShown)) {
    const [first] = paths;
    if (first === undefined) continue;
    await using run = await openRun(first);
    runs.push(await runData(run, name, smallMap));
  }
  const points = cliffPoints(groups);
  const foreseen = points.length > 1 ? await foreseenRuns(groups) : { curves: [], points: [] };
  return htmlPage({
    title: `${title} - blkscope`,
    head: headOf(groups, title, runs.length, varied),
    foot: '',
    content: {
      kind: 'compare',
      runs,
      cliff: points.length > 1 ? { points, curves: foreseen.curves } : null,
      foreseen: foreseen.points,
    },
  });
}

function headOf(
  groups: readonly ComparedGroup[],
  title: string,
  shown: number,
  varied: readonly string[] | undefined,
): string {
  const single = groups.flatMap(({ name, summaries: [summary, ...more], configs }) =>
    summary && more.length === 0 ? [{ name, summary, config: configs?.[0] ?? null }] : [],
  );
  const alone = single.length === groups.length;
  const compared = alone ? compareRuns(single, varied) : compareGroups(groups, varied);
  const [head = [], ...rows] = compared.rows;
  const before = [`The same in all: ${compared.same}`, ...compared.warnings]
    .map((line) => `<p class="note">${escaped(line)}</p>`)
    .join('');
  const cells = (row: readonly string[]) =>
    row
      .map(
        (cell, i) =>
          `<td class="${i === 0 ? '' : 'n'}${differs(cell) ? ' differs' : ''}">${escaped(cell)}</td>`,
      )
      .join('');
  const table = `<div class="scroll" tabindex="0"><table><thead><tr>${head.map((cell) => `<th class="n">${escaped(cell)}</th>`).join('')}</tr></thead><tbody>${rows
    .map((row) => `<tr>${cells(row)}</tr>`)
    .join('')}</tbody></table></div>`;
  const rest =
    shown < groups.length
      ? `<p class="note">Figures show the first ${shown} of ${groups.length} groups.</p>`
      : '';
  const legend = alone
    ? '<p class="note">Each change is from the first run; bold: it differs.</p>'
    : `<p class="note">${escaped(groupsLegend.replaceAll('\n', ' '))}</p>`;
  return `<div class="top"><h1>${escaped(title)}</h1></div>${before}${table}${legend}${rest}`;
}

/** Whether a cell tells of a change that is one. */
function differs(cell: string): boolean {
  return /^(?:[+-][\d.]+ %|x [\d.]+)$|\((?:[+-]|x |from )[^)]*\)/.test(cell) && !/ [~?!]\)$/.test(cell);
}

/** Memory in excess of the model says no more. */
const mostMemory = 1.25;

/** A point for each group with a model: by its memory, the page cache included. */
export function cliffPoints(groups: readonly ComparedGroup[]): CliffPoint[] {
  const models = new Set(groups.map(({ summaries: [first] }) => first?.model?.files[0]));
  return groups.flatMap(({ name, summaries }) => {
    const [first] = summaries;
    const bytes = first?.model?.bytes;
    if (!first || !bytes) return [];
    const memory = memoryOf(first);
    if (memory === null) return [];
    const known = (value: (summary: Summary) => number | null | undefined) =>
      summaries.map(value).filter((is): is is number => typeof is === 'number');
    // A repeat that is faster than all before it raises the bound of those that follow, and no point may lie above the line.
    const bounds = known(({ bound }) => bound?.tokensPerSecond);
    return [
      {
        name,
        series: [...(models.size > 1 ? [modelOf(first)] : []), ...seriesOf(first)].join(', '),
        model: modelOf(first),
        memory: Math.min(memory / bytes, mostMemory),
        tokensPerSecond: known(({ workload }) => workload?.tokensPerSecond),
        bytesPerToken: known(({ workload }) => workload?.bytesPerToken),
        bound: bounds.length > 0 ? greatest(bounds) : null,
      },
    ];
  });
}

function memoryOf({ memory }: Summary): number | null {
  if (memory.limitBytes !== null) return memory.limitBytes;
  return memory.availableBefore === null ? null : memory.availableBefore - memory.lockedBytes;
}

/** What groups share that differ in their memory alone. */
function seriesOf({ memory, workload }: Summary): string[] {
  const parts = [
    memory.readAheadKib === null ? null : `readahead ${memory.readAheadKib} KiB`,
    memory.stream ? 'streamed' : memory.pinnedBytes > 0 ? 'pinned' : null,
    workload?.weights === 'copied' ? 'copied' : null,
  ];
  return parts.filter((part) => part !== null);
}

function modelOf({ model }: Summary): string {
  return basename(model?.files[0] ?? '');
}

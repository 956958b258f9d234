import type { ChangedConditions } from '../advise/changes.js';
import { memoryForModel, ownMemory } from '../bound/bound.js';
import { BlkscopeError } from '../errors.js';
import { append } from '../extremes.js';
import type { Summary } from '../figures/summary-schema.js';
import type { CurveLine } from '../plot/cliff.js';
import type { ForeseenPoint } from '../plot/foreseen.js';
import type { ComparedGroup } from '../report/compare-groups.js';
import { openRun } from '../store/open-run.js';

/** What the model of the page cache says of compared groups: its curve of reads against memory, and what it foresees of each. */
export interface ForeseenRuns {
  curves: CurveLine[];
  points: ForeseenPoint[];
}

/** From the first group of each model that is short of memory and nothing but that; of groups whose model is gone, nothing. */
export async function foreseenRuns(groups: readonly ComparedGroup[]): Promise<ForeseenRuns> {
  const found: ForeseenRuns = { curves: [], points: [] };
  const models = new Set(groups.flatMap(({ summaries: [first] }) => first?.model?.files[0] ?? []));
  for (const model of models) {
    const own = groups.filter(({ summaries: [first] }) => first?.model?.files[0] === model);
    const base = own.find(({ summaries: [first] }) => first && showsTouches(first));
    if (!base) continue;
    const { curves, points } = await foreseenFrom(base, own);
    append(found.curves, curves);
    append(found.points, points);
  }
  return found;
}

/** Whether the reads of a run show what its tokens touch, and what memory the kernel kept of it. */
function showsTouches({ workload, memory }: Summary): boolean {
  const read = workload?.bytesPerToken ?? 0;
  return read > 0 && memory.pinnedBytes === 0 && !memory.stream && workload?.weights !== 'copied';
}

async function foreseenFrom(base: ComparedGroup, groups: readonly ComparedGroup[]): Promise<ForeseenRuns> {
  const [path] = base.paths;
  if (path === undefined) return { curves: [], points: [] };
  await using run = await openRun(path);
  const others = groups.flatMap((group) => {
    const conditions = group === base ? null : conditionsOf(group, run.summary);
    return conditions ? [{ group, conditions }] : [];
  });
  try {
    const { foresee } = await import('../advise/advise.js');
    const { changes, curve } = await foresee(
      run,
      others.map(({ conditions }) => conditions),
    );
    const own = ownMemory(run.summary) ?? 0;
    const bytes = run.summary.model?.bytes ?? 1;
    return {
      curves: [
        {
          name: base.name,
          points: curve.map(({ memoryBytes, kernelBytesPerToken }) => ({
            memory: (memoryBytes + own) / bytes,
            value: kernelBytesPerToken,
          })),
        },
      ],
      points: changes.map((change, i) => {
        const { name, summaries } = (others[i] as (typeof others)[number]).group;
        const measured = (of: 'bytesPerToken' | 'tokensPerSecond') =>
          summaries.map(({ workload }) => workload?.[of]).filter((value) => value != null);
        return {
          ...{ name, from: base.name },
          bytesPerToken: { foreseen: change.bytesPerToken, measured: measured('bytesPerToken') },
          tokensPerSecond: { foreseen: change.tokensPerSecond, measured: measured('tokensPerSecond') },
        };
      }),
    };
  } catch (error) {
    if (error instanceof BlkscopeError) return { curves: [], points: [] }; // its model is gone, or no token is known
    throw error;
  }
}

/** What a group did otherwise than `base`, in the terms of advice; null where these have no word for it. */
function conditionsOf({ summaries: [first] }: ComparedGroup, base: Summary): ChangedConditions | null {
  const { memory, workload } = first ?? {};
  if (!first || !memory || !workload || memory.stream || workload.weights !== base.workload?.weights)
    return null;
  const forModel = memoryForModel(first);
  if (forModel === null) return null;
  return {
    memoryBytes: forModel + (ownMemory(base) ?? 0),
    pinBytes: memory.pinnedBytes,
    ...(memory.readAheadKib === null ? {} : { readAheadKib: memory.readAheadKib }),
  };
}

import type { Model } from '../model/gguf.js';
import { modelRegions } from '../model/regions.js';
import { tensorUses } from '../model/uses.js';
import { native } from '../native/binding.js';
import type { SeenPass, SeenTouch, SeenTouches } from '../touches/seen.js';
import type { WorkloadOutcome } from '../workload/engine.js';
import { type Heat, heatOf } from './heat.js';
import type { Summary } from './summary-schema.js';
import type { Touch } from './touch.js';

/** What tokens used of a model, as seen from page faults. */
export interface UsedByTokens {
  /** Of the tokens that were profiled, numbered from 0 in the generation; in the order of the first use. */
  touches: Touch[];
  /** Of the prompt's profiled passes together. */
  prompt: Omit<Touch, 'token'>[];
  heat: Heat;
  figures: NonNullable<Summary['touches']>;
}

/** Which passes made the tokens of the generation: the last ones, one for each token but the first, which is the prompt's. */
export function generationPasses(passes: readonly SeenPass[], outcome: WorkloadOutcome): number[] {
  const { generation, marks, exitCode } = outcome;
  const all = passes.map((_, pass) => pass);
  const tokens = generation?.tokens ?? marks.filter(({ kind }) => kind === 'token').length;
  if (exitCode === 0 && tokens > 0 && tokens <= passes.length)
    return tokens === 1 ? [] : all.slice(1 - tokens);
  // It ended before its time: by the clock.
  const begin = marks.find(({ kind }) => kind === 'promptDone')?.time;
  if (begin === undefined) return [];
  return all.filter(
    (pass) => (passes[pass] as SeenPass).beginNs >= begin && (passes[pass] as SeenPass).endNs !== null,
  );
}

/** Joins what was seen of passes with what the workload said of its tokens. null: no token of the generation was profiled. */
export function usedByTokens(model: Model, seen: SeenTouches, outcome: WorkloadOutcome): UsedByTokens | null {
  const { passes } = seen;
  const generation = generationPasses(passes, outcome);
  const first = generation[0] ?? passes.length;
  const profiled = generation.filter((pass) => passes[pass]?.profiled);
  if (profiled.length === 0) return null;
  const tokenOf = new Map(profiled.map((pass, token) => [pass, token]));
  const touches: Touch[] = [];
  const prompt = new Map<number, number>();
  for (const { pass, region, bytes } of withoutGuests(model, seen.touches)) {
    const token = tokenOf.get(pass);
    if (token !== undefined) touches.push({ token, region, bytes });
    else if (pass < first) prompt.set(region, Math.max(prompt.get(region) ?? 0, bytes));
  }
  const regions = modelRegions(model);
  const uses = tensorUses(model);
  const wholly = new Set([...uses].flatMap(([name, { kind }]) => (kind === 'whole' ? [name] : [])));
  const tokens = profiled.length;
  const touchedBytes = touches.reduce((sum, { bytes }) => sum + bytes, 0);
  const times = tokenTimes(passes, generation);
  return {
    touches,
    prompt: [...prompt].map(([region, bytes]) => ({ region, bytes })),
    heat: heatOf(regions, touches, tokens, wholly),
    figures: {
      tokens,
      touchedBytesPerToken: touchedBytes / tokens,
      faultsPerToken: profiled.reduce((sum, pass) => sum + (passes[pass]?.faults ?? 0), 0) / tokens,
      lostFaults: seen.lost,
      profiledNsPerToken: times.profiled,
      unprofiledNsPerToken: times.unprofiled,
      differences: differences(model, touches, tokens),
    },
  };
}

/**
 * Slices of experts without a page of their own (biases) share theirs with other experts: such a page tells of none of them. They
 * were used if another slice of the same expert was.
 */
function withoutGuests(model: Model, touches: readonly SeenTouch[]): SeenTouch[] {
  const regions = modelRegions(model);
  const pageBytes = native.pageBytes();
  const hasPage = regions.map(
    ({ offset, bytes }) => Math.ceil(offset / pageBytes) < Math.floor((offset + bytes) / pageBytes),
  );
  const expertOf = regions.map(({ layer, expert }) => (expert === null ? null : `${layer}.${expert}`));
  const shown = new Set(expertOf.filter((_, region) => hasPage[region]));
  const used = new Set<string>();
  for (const { pass, region } of touches) {
    if (expertOf[region] !== null && hasPage[region]) used.add(`${pass}.${expertOf[region]}`);
  }
  return touches.filter(({ pass, region }) => {
    const expert = expertOf[region] ?? null;
    return expert === null || hasPage[region] || !shown.has(expert) || used.has(`${pass}.${expert}`);
  });
}

/** How long a token took, from the begin of its pass to that of the next: the median, of those that were profiled and of the others. */
function tokenTimes(passes: readonly SeenPass[], generation: readonly number[]) {
  const times = { profiled: [] as number[], unprofiled: [] as number[] };
  for (const pass of generation) {
    const [own, next] = [passes[pass], passes[pass + 1]];
    if (!own || !next || own.profiled !== next.profiled) continue;
    times[own.profiled ? 'profiled' : 'unprofiled'].push(Number(next.beginNs - own.beginNs));
  }
  return { profiled: median(times.profiled), unprofiled: median(times.unprofiled) };
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? null;
}

/** Of bytes of a tensor that tokens use on average: less than a part of them is none, more than this share is all. */
const wholeShare = 0.98;

/** Tensors of which tokens were seen to use something else than their names and the model's keys tell. */
function differences(
  model: Model,
  touches: readonly Touch[],
  tokens: number,
): NonNullable<Summary['touches']>['differences'] {
  const regions = modelRegions(model);
  const uses = tensorUses(model);
  const bytesOf = new Map<string, { bytes: number; used: number }>();
  for (const { tensor, bytes } of regions) {
    if (tensor === null) continue;
    const sum = bytesOf.get(tensor) ?? { bytes: 0, used: 0 };
    sum.bytes += bytes;
    bytesOf.set(tensor, sum);
  }
  for (const { region, bytes } of touches) {
    const tensor = regions[region]?.tensor;
    const sum = tensor == null ? undefined : bytesOf.get(tensor);
    if (sum) sum.used += bytes / tokens;
  }
  return [...bytesOf].flatMap(([tensor, { bytes, used }]) => {
    const use = uses.get(tensor)?.kind ?? 'unknown';
    const share = used / bytes;
    const asTold =
      use === 'whole'
        ? share >= wholeShare
        : use === 'none'
          ? used === 0
          : use === 'unknown'
            ? false
            : used > 0 && (share < wholeShare || bytes < smallestTold);
    return asTold ? [] : [{ tensor, use, bytes, usedBytesPerToken: used }];
  });
}

/** Of tables and experts below this size a use of a part looks like one of the whole. */
const smallestTold = 256 * 1024;

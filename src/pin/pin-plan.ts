import { type ExpertUses, expertKey } from '../model/expert-uses.js';
import type { Model } from '../model/gguf.js';
import { touchedBytes, type UsedRegion, usedRegions } from '../model/uses.js';
import { native } from '../native/binding.js';
import type { ByteRange } from '../native/memory.js';
import { PageBudget } from './page-budget.js';
import type { PinPlan } from './plan.js';

/**
 * Chooses what to hold with `budgetBytes`, of which the whole pages that are held take no more: what every token needs first, in the file's order, then what it may need
 * (unknown uses), then experts, those that most tokens used by `uses` first. A table that tokens look rows up in is held
 * whole, after all else, or not at all: rows of it that nobody asks for would take the memory that the page cache uses for
 * those that somebody does. What only another path uses is not held, nor is metadata, which is read once.
 *
 * @example
 * const plan = planPins(await readModel('model.gguf'), 2 ** 31, null);
 */
export function planPins(model: Model, budgetBytes: number, uses: ExpertUses | null = null): PinPlan {
  const regions = withUses(model, usedRegions(model), uses);
  const kinds = ['whole', 'unknown', 'experts'].flatMap((kind) =>
    regions.filter(({ use }) => use.kind === kind).sort((a, b) => b.likely - a.likely),
  );
  const bytes = kinds.reduce((sum, { region }) => sum + region.bytes, 0);
  return planOf(model, budgetBytes, [...kinds, ...wholeTables(regions, budgetBytes - bytes)]);
}

/** The tables that fit into what is left, the smallest first. */
function wholeTables(regions: readonly UsedRegion[], leftBytes: number): UsedRegion[] {
  const tables = regions.filter(({ use }) => use.kind === 'rows');
  let left = leftBytes;
  return tables
    .sort((a, b) => a.region.bytes - b.region.bytes)
    .filter(({ region }) => {
      left -= region.bytes;
      return left >= 0;
    });
}

/** Holds the model's tensors from the file's start on, whatever they are for: what locking a file without knowing it does. */
export function planFromStart(model: Model, budgetBytes: number): PinPlan {
  return planOf(model, budgetBytes, usedRegions(model));
}

function planOf(model: Model, budgetBytes: number, candidates: readonly UsedRegion[]): PinPlan {
  const parts = model.parts.map(({ path }) => ({ path, ranges: [] as ByteRange[] }));
  const tensors = new Map<string, PinPlan['tensors'][number]>();
  const budget = new PageBudget(budgetBytes, native.pageBytes());
  let heldBytes = 0;
  let savedBytes = 0;
  for (const { region, likely } of candidates) {
    if (budget.spent) break;
    const bytes = budget.take(region.part, region.offset, region.bytes);
    if (bytes === 0) continue;
    heldBytes += bytes;
    savedBytes += bytes * likely;
    parts[region.part]?.ranges.push({ offset: region.offset, bytes });
    const name = region.tensor as string;
    const held = tensors.get(name) ?? { name, bytes: 0, heldBytes: 0 };
    tensors.set(name, { ...held, heldBytes: held.heldBytes + bytes });
  }
  for (const tensor of model.tensors) {
    const held = tensors.get(tensor.name);
    if (held) held.bytes = tensor.bytes;
  }
  const touched = touchedBytes(model);
  return {
    parts,
    bytes: heldBytes,
    tensors: [...tensors.values()],
    touchedBytes: touched.least,
    touchedMostBytes: touched.most,
    savedBytes,
    savedShare: shareOf(savedBytes, usedRegions(model)),
    stream: null,
  };
}

/** Of what tokens most likely use, an expert's share on average. */
function shareOf(savedBytes: number, regions: readonly UsedRegion[]): number {
  const used = regions.reduce((sum, { region, likely }) => sum + region.bytes * likely, 0);
  return used === 0 ? 0 : Math.min(1, savedBytes / used);
}

/** No expert is as sure to be used as what every token needs. */
const mostSureUse = 0.99;
/** What an expert that no token was seen to use may still be: half a use. */
const unseenUses = 0.5;

/** The experts' use as it was measured: of all uses in a layer, as many go to each token as it uses experts. */
function withUses(
  { experts }: Model,
  regions: readonly UsedRegion[],
  uses: ExpertUses | null,
): readonly UsedRegion[] {
  if (!uses || !experts?.used) return regions;
  const used = experts.used;
  const inLayer = new Map<number | null, number>();
  for (const [key, count] of uses) {
    const layer = Number(key.split('.')[0]);
    inLayer.set(layer, (inLayer.get(layer) ?? 0) + count);
  }
  return regions.map((each) => {
    const { role, layer, expert } = each.region;
    if (role !== 'experts' || expert === null) return each;
    const own = (uses.get(expertKey(layer, expert)) ?? 0) + unseenUses;
    const all = (inLayer.get(layer) ?? 0) + unseenUses * experts.count;
    return { ...each, likely: Math.min(mostSureUse, (own * used) / all) };
  });
}

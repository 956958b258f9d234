import { touchedBytesPerToken, type UsedRegion, usedRegions } from '../bound/touched-bytes.js';
import type { Model } from '../model/gguf.js';
import type { ByteRange } from '../native/memory.js';
import type { StreamPlan } from './stream-plan.js';

/** How many tokens of an earlier run used an expert, by layer and expert; see expertUses. */
export type ExpertUses = ReadonlyMap<string, number>;

export const expertKey = (layer: number | null, expert: number | null): string => `${layer}.${expert}`;

/** What is to be held: ranges of each part, and what they mean. Sizes in bytes. */
export interface PinPlan {
  /** In the order of the model's parts; a part may have none. */
  parts: { path: string; ranges: ByteRange[] }[];
  bytes: number;
  /** What of each tensor is held, those of which anything is, the first to be held first. */
  tensors: { name: string; bytes: number; heldBytes: number }[];
  /** What a token touches of the model, on average, and how much of that is held. */
  touchedBytes: number;
  savedBytes: number;
  /** What is read for each token beside that; null: what the kernel brings in. */
  stream: StreamPlan | null;
}

/**
 * Chooses what to hold with `budgetBytes`: what every token needs first, in the file's order, then experts, those
 * that most tokens used by `uses` first. What no token reads whole comes last: the embedding table is a lookup of
 * one row a token, unless the output shares it. Metadata is read once, and never held.
 */
export function planPins(model: Model, budgetBytes: number, uses: ExpertUses | null = null): PinPlan {
  const regions = withUses(model, usedRegions(model), uses);
  return planOf(
    model,
    budgetBytes,
    regions.toSorted((a, b) => b.use - a.use),
  );
}

/** Holds the model's tensors from the file's start on, whatever they are for: what locking a file without knowing it does. */
export function planFromStart(model: Model, budgetBytes: number): PinPlan {
  return planOf(model, budgetBytes, usedRegions(model));
}

function planOf(model: Model, budgetBytes: number, candidates: readonly UsedRegion[]): PinPlan {
  const parts = model.parts.map(({ path }) => ({ path, ranges: [] as ByteRange[] }));
  const tensors = new Map<string, PinPlan['tensors'][number]>();
  let left = budgetBytes;
  let savedBytes = 0;
  for (const { region, use } of candidates) {
    if (left <= 0) break;
    const bytes = Math.min(left, region.bytes);
    left -= bytes;
    savedBytes += bytes * use;
    parts[region.part]?.ranges.push({ offset: region.offset, bytes });
    const name = region.tensor as string;
    const held = tensors.get(name) ?? { name, bytes: 0, heldBytes: 0 };
    tensors.set(name, { ...held, heldBytes: held.heldBytes + bytes });
  }
  for (const tensor of model.tensors) {
    const held = tensors.get(tensor.name);
    if (held) held.bytes = tensor.bytes;
  }
  return {
    parts,
    bytes: budgetBytes - left,
    tensors: [...tensors.values()],
    touchedBytes: touchedBytesPerToken(model),
    savedBytes,
    stream: null,
  };
}

/** What every token needs for sure comes before any expert. */
const mostSureUse = 0.99;
/** What an expert that no token was seen to use may still be: half a use. */
const unseenUses = 0.5;

/** The experts' use as it was measured: of all uses in a layer, as many go to each token as it uses experts. */
function withUses(
  { experts }: Model,
  regions: readonly UsedRegion[],
  uses: ExpertUses | null,
): readonly UsedRegion[] {
  if (!uses || !experts) return regions;
  const inLayer = new Map<number | null, number>();
  for (const [key, count] of uses) {
    const layer = Number(key.split('.')[0]);
    inLayer.set(layer, (inLayer.get(layer) ?? 0) + count);
  }
  return regions.map(({ region, use }) => {
    const { role, layer, expert } = region;
    if (role !== 'experts' || expert === null) return { region, use };
    const own = (uses.get(expertKey(layer, expert)) ?? 0) + unseenUses;
    const all = (inLayer.get(layer) ?? 0) + unseenUses * experts.count;
    return { region, use: Math.min(mostSureUse, (own * experts.used) / all) };
  });
}

import { touchedBytesPerToken, type UsedRegion, usedRegions } from '../bound/touched-bytes.js';
import type { Model } from '../model/gguf.js';
import type { ByteRange } from '../native-memory.js';

/** Bytes read from an expert's slices in an earlier run, by layer and expert; see expertReads. */
export type ExpertReads = ReadonlyMap<string, number>;

export const expertKey = (layer: number | null, expert: number | null): string => `${layer}.${expert}`;

/** What is to be held: ranges of each part, and what they mean. Sizes in bytes. */
export interface PinPlan {
  /** In the order of the model's parts; a part may have none. */
  parts: { path: string; ranges: ByteRange[] }[];
  bytes: number;
  /** What of each tensor is held, those of which anything is, the first to be held first. */
  tensors: { name: string; bytes: number; heldBytes: number }[];
  /** What a token touches of the model, on average over the experts, and how much of that is held. */
  touchedBytes: number;
  savedBytes: number;
}

/**
 * Chooses what to hold with `budgetBytes`: what every token needs first, in the file's order, then experts, those
 * that `reads` shows to be read most first. What no token reads whole comes last: the embedding table is a lookup of
 * one row a token, unless the output shares it. Metadata is read once, and never held.
 */
export function planPins(model: Model, budgetBytes: number, reads: ExpertReads | null = null): PinPlan {
  const candidates = ranked(usedRegions(model), reads);
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
  };
}

function ranked(candidates: UsedRegion[], reads: ExpertReads | null): UsedRegion[] {
  const heat = ({ region }: UsedRegion) => reads?.get(expertKey(region.layer, region.expert)) ?? 0;
  const every = candidates.filter(({ use }) => use === 1);
  const experts = candidates.filter(({ region, use }) => use < 1 && region.role === 'experts');
  const lookups = candidates.filter(({ region, use }) => use < 1 && region.role !== 'experts');
  // toSorted keeps the file's order among equals, so that what is held lies together
  return [...every, ...experts.toSorted((a, b) => heat(b) - heat(a)), ...lookups];
}

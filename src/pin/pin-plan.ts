import type { Model } from '../model/gguf.js';
import { modelRegions, type Region } from '../model/regions.js';
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

/** A region that may be held, and the chance that a token needs it. */
interface Candidate {
  region: Region;
  use: number;
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

/** Bytes of the model that a token needs: all that is not an expert, and the experts' part that it uses. */
export function touchedBytesPerToken(model: Model): number {
  return usedRegions(model).reduce((sum, { region, use }) => sum + region.bytes * use, 0);
}

function usedRegions(model: Model): Candidate[] {
  const tied = !model.tensors.some(({ name }) => name === 'output.weight');
  const rows = new Map(model.tensors.map(({ name, shape }) => [name, shape[1] ?? 1]));
  const expertUse = model.experts ? model.experts.used / model.experts.count : 1;
  return modelRegions(model)
    .filter(({ tensor }) => tensor !== null)
    .map((region) => {
      if (region.role === 'experts') return { region, use: expertUse };
      const lookup = region.role === 'embedding' && !tied;
      return { region, use: lookup ? 1 / (rows.get(region.tensor as string) as number) : 1 };
    });
}

function ranked(candidates: Candidate[], reads: ExpertReads | null): Candidate[] {
  const heat = ({ region }: Candidate) => reads?.get(expertKey(region.layer, region.expert)) ?? 0;
  const every = candidates.filter(({ use }) => use === 1);
  const experts = candidates.filter(({ region, use }) => use < 1 && region.role === 'experts');
  const lookups = candidates.filter(({ region, use }) => use < 1 && region.role !== 'experts');
  // toSorted keeps the file's order among equals, so that what is held lies together
  return [...every, ...experts.toSorted((a, b) => heat(b) - heat(a)), ...lookups];
}

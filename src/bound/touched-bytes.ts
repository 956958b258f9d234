import type { Model } from '../model/gguf.js';
import { modelRegions, type Region, type RegionRole } from '../model/regions.js';

/** A region that tokens use, and the share of it that one token needs, on average over the experts. */
export interface UsedRegion {
  region: Region;
  use: number;
}

/** Regions with a use: all but metadata and padding. */
export function usedRegions(model: Model): UsedRegion[] {
  const tied = !model.tensors.some(({ name }) => name === 'output.weight');
  const rows = new Map(model.tensors.map(({ name, shape }) => [name, shape[1] ?? 1]));
  const expertUse = model.experts ? model.experts.used / model.experts.count : 1;
  return modelRegions(model)
    .filter(({ tensor }) => tensor !== null)
    .map((region) => {
      if (region.role === 'experts') return { region, use: expertUse };
      // The embedding table is a lookup of one row a token, unless the output shares it.
      const lookup = region.role === 'embedding' && !tied;
      return { region, use: lookup ? 1 / (rows.get(region.tensor as string) as number) : 1 };
    });
}

/** Bytes that a token needs of each role. */
export function touchedByRole(model: Model): Map<RegionRole, number> {
  const touched = new Map<RegionRole, number>();
  for (const { region, use } of usedRegions(model)) {
    touched.set(region.role, (touched.get(region.role) ?? 0) + region.bytes * use);
  }
  return touched;
}

/** Bytes of the model that a token needs: all that is not an expert, and the experts' part that it uses. */
export function touchedBytesPerToken(model: Model): number {
  return [...touchedByRole(model).values()].reduce((sum, bytes) => sum + bytes, 0);
}

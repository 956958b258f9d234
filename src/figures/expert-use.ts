import { greatest } from '../extremes.js';
import type { Region } from '../model/regions.js';
import type { Touch } from './touch.js';

/** How unevenly a mixture of experts is read. Shares from 0 to 1, by bytes. */
export interface ExpertUse {
  /** Experts in a layer. */
  count: number;
  /**
   * The share of all experts' reads that the hottest k of each layer take; with a router that has no preference it is
   * k / count. The higher, the more a fixed choice (pinning) can save.
   */
  hottest: { k: number; share: number }[];
  /**
   * The share of a token's expert reads that went to experts which the token before read too; null with fewer than two
   * tokens. The higher, the more plain caching could save.
   */
  repeatedShare: number | null;
}

/** `touches` in order of their tokens. */
export function expertUse(regions: readonly Region[], touches: Iterable<Touch>): ExpertUse | null {
  const layers = new Map<number | null, Map<number, number>>();
  const lastTouch = new Map<string, { now: number; before: number }>();
  let all = 0;
  let repeated = 0;
  let repeatable = 0;
  for (const { token, region, bytes } of touches) {
    const { layer, expert } = regions[region] as Region;
    if (expert === null) continue;
    const reads = layers.get(layer) ?? new Map<number, number>();
    layers.set(layer, reads.set(expert, (reads.get(expert) ?? 0) + bytes));
    all += bytes;
    const key = `${layer}.${expert}`;
    const last = lastTouch.get(key) ?? { now: -2, before: -2 };
    if (last.now !== token) lastTouch.set(key, { now: token, before: last.now });
    if (token > 0) repeatable += bytes;
    if (token > 0 && lastTouch.get(key)?.before === token - 1) repeated += bytes;
  }
  if (all === 0) return null;
  const count = greatest(regions.map(({ expert }) => (expert ?? -1) + 1));
  const sorted = [...layers.values()].map((reads) => [...reads.values()].sort((a, b) => b - a));
  const share = (k: number) =>
    sorted.reduce((sum, reads) => sum + reads.slice(0, k).reduce((a, b) => a + b, 0), 0) / all;
  return {
    count,
    hottest: powersBelow(count).map((k) => ({ k, share: share(k) })),
    repeatedShare: repeatable === 0 ? null : repeated / repeatable,
  };
}

/** 1, 2, 4, ... below the number of experts. */
function powersBelow(count: number): number[] {
  return Array.from({ length: Math.ceil(Math.log2(count)) }, (_, i) => 2 ** i);
}

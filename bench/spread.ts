/** What several rounds gave: the one in the middle, and how far they lie apart. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

/** Throws for no values at all. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [least, middle, most] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
  if (least === undefined || middle === undefined || most === undefined) throw new Error('no rounds');
  return { median: middle, least, most };
}

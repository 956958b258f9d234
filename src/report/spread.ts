/** Repeats of one figure: how many, their mean and standard deviation (n - 1). */
export interface Spread {
  count: number;
  mean: number;
  deviation: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : 0 };
}

/** `few`: a group of fewer than three tells no spread worth the name. `open`: the spread allows no verdict. */
export type SpreadVerdict = 'higher' | 'lower' | 'open' | 'few';

/** Fewer repeats than this, in either group, give no verdict. */
export const fewestRepeats = 3;

/**
 * Whether a figure of two groups differs: by Welch's t test, two-sided at 5 %, which does not take the groups to
 * spread alike. Of groups without any spread, such as counts that repeat exactly, those differ whose values do.
 */
export function verdict(from: Spread, to: Spread): SpreadVerdict {
  if (Math.min(from.count, to.count) < fewestRepeats) return 'few';
  const [a, b] = [from.deviation ** 2 / from.count, to.deviation ** 2 / to.count];
  const difference = to.mean - from.mean;
  if (difference === 0) return 'open';
  const freedom = (a + b) ** 2 / (a ** 2 / (from.count - 1) + b ** 2 / (to.count - 1));
  if (a + b > 0 && Math.abs(difference) / Math.sqrt(a + b) <= criticalT(freedom)) return 'open';
  return difference > 0 ? 'higher' : 'lower';
}

/** Student's t that is exceeded, either way, in 5 % of cases, at the next lower degree of freedom that is listed. */
const criticalTs: readonly (readonly [freedom: number, t: number])[] = [
  [1, 12.706],
  [2, 4.303],
  [3, 3.182],
  [4, 2.776],
  [5, 2.571],
  [6, 2.447],
  [7, 2.365],
  [8, 2.306],
  [9, 2.262],
  [10, 2.228],
  [15, 2.131],
  [20, 2.086],
  [30, 2.042],
  [60, 2.0],
];

function criticalT(freedom: number): number {
  return (
    criticalTs.findLast(([listed]) => listed <= freedom + 1e-9)?.[1] ?? (criticalTs[0] as [number, number])[1]
  );
}

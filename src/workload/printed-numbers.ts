/** How programs print numbers: in the user's locale, so with a comma or an Arabic sign as well as a point. */
export const numbers = {
  /** One group. `nan` and `inf` are what C prints for a quotient of nothing. */
  number: '(-?(?:\\d+(?:[.,\\u066b]\\d+)?(?:[eE][+-]?\\d+)?|nan(?:\\(ind\\))?|inf))',
} as const;

/** null for what is missing, `nan` or `inf`. */
export function printedNumber(text: string | undefined): number | null {
  const value = Number(text?.replace(/[,\u066b]/, '.') ?? Number.NaN);
  return Number.isFinite(value) ? value : null;
}

/** null also for 0 and less: nothing was measured. */
export function positive(text: string | undefined): number | null {
  const value = printedNumber(text);
  return value !== null && value > 0 ? value : null;
}

/**
 * A speed as printed. Programs print two decimals, so that of slow ones the time for each token, if it stands beside it,
 * has more digits: 0.12 tokens a second may be 8333.3 ms or 8695.7.
 */
export function printedSpeed(perSecond: string | undefined, msEach?: string): number | null {
  const [speed, ms] = [printedNumber(perSecond), positive(msEach)];
  if (perSecond !== undefined && speed === null) return null;
  const slow = perSecond === undefined || digits(perSecond) < Math.min(3, digits(msEach ?? ''));
  if (ms !== null && slow) return 1000 / ms;
  return speed !== null && speed > 0 ? speed : null;
}

/** Significant digits. */
function digits(text: string): number {
  return text.replace(/\D/g, '').replace(/^0+/, '').length;
}

export function last(text: string, pattern: RegExp): RegExpMatchArray | null {
  return [...text.matchAll(pattern)].at(-1) ?? null;
}

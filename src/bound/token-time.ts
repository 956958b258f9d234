import { smallest } from '../extremes.js';
import type { Mark } from '../workload/engine.js';

/** So many tokens, one after another: of fewer the time at which we saw a mark says more than the token does. */
const spanTokens = 8;

/** Marks that follow each other faster than this share of a token were seen together: the first of them was seen late. */
const togetherShare = 0.5;

/**
 * The least time of a token, on average over a few that follow each other, in ns; null: no marks tell.
 *
 * `saidNs` is the mean time of a token as the program says. Programs write from a thread of their own, which a busy machine
 * holds up; the tokens that it then writes at once follow each other in no time. So marks count only where none of the span
 * follows the one before it in much less than `saidNs`, and none do where the program says nothing.
 */
export function fastestTokenNs(marks: readonly Mark[], saidNs: number | null): number | null {
  if (saidNs === null) return null;
  const times = marks.filter(({ kind }) => kind === 'token').map(({ time }) => Number(time));
  // With the one before; the first of a span must not be either.
  const together = times.map(
    (time, i) => time - (times[i - 1] ?? Number.NEGATIVE_INFINITY) < saidNs * togetherShare,
  );
  const spans = times.slice(spanTokens).flatMap((time, i) => {
    const credible = !together.slice(i, i + spanTokens + 1).includes(true);
    return credible ? [(time - (times[i] as number)) / spanTokens] : [];
  });
  return spans.length === 0 ? null : smallest(spans);
}

/** The least time of a token that a run shows: the mean that the program says, or that of some of its tokens; null: it says nothing. */
export function shownTokenNs(marks: readonly Mark[], saidNs: number | null): number | null {
  return saidNs === null ? null : Math.min(saidNs, fastestTokenNs(marks, saidNs) ?? saidNs);
}

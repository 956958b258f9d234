import { smallest } from '../extremes.js';
import type { Mark } from '../workload/engine.js';

/** So many tokens, one after another: of fewer the time at which we saw a mark says more than the token does. */
const spanTokens = 8;

/** The least time of a token, on average over a few that follow each other, in ns; null: too few marks tell of tokens. */
export function fastestTokenNs(marks: readonly Mark[]): number | null {
  const times = marks.filter(({ kind }) => kind === 'token').map(({ time }) => Number(time));
  const spans = times.slice(spanTokens).map((time, i) => (time - (times[i] as number)) / spanTokens);
  const least = spans.length === 0 ? 0 : smallest(spans);
  return least > 0 ? least : null;
}

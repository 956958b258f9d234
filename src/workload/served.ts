import type { Generation, Mark } from './engine.js';
import type { ServedRequest } from './open-requests.js';
import { type LlamaTimings, notPrinted } from './printed-timings.js';

/** All requests that a server worked on together: speeds are of the time that it spent on each, idle time is in none. */
export function servedTimings(requests: readonly ServedRequest[]): LlamaTimings {
  return {
    ...notPrinted,
    promptTokens: sumOf(requests.map(({ promptTokens }) => promptTokens)),
    promptTokensPerSecond: speedOf(requests.map((each) => [each.promptTokens, each.promptTokensPerSecond])),
    tokens: sumOf(requests.map(({ tokens }) => tokens)),
    tokensPerSecond: speedOf(requests.map((each) => [each.tokens, each.tokensPerSecond])),
  };
}

/** Of one request what it generated and when; of several only how much. null: not told. */
export function servedGeneration(
  requests: readonly ServedRequest[],
  asksToDraft: boolean,
): Generation | null {
  const tokens = sumOf(requests.map((each) => each.tokens));
  if (tokens === null) return null;
  const walks = requests.map((each) => (each.drafted === false ? each.tokens : each.walks));
  const drafted = requests.some((each) => each.drafted === true);
  const [only, another] = requests;
  const alone = only && !another ? only : null;
  return {
    tokens,
    walks: drafted && walks.every((count) => count !== null) ? sumOf(walks) : null,
    speculative: drafted || (asksToDraft && requests.some((each) => each.drafted === null)),
    startedAt: alone?.promptDoneAt ?? null,
    endedAt: alone?.endedAt ?? null,
  };
}

/** A mark where each began; of the prompt's end and the end of its work; and one for each token that was logged. */
export function servedMarks(requests: readonly ServedRequest[]): Mark[] {
  const marks = requests.flatMap(({ startedAt, promptDoneAt }, index): Mark[] => [
    { kind: 'request', time: startedAt, index },
    ...(promptDoneAt === null ? [] : [{ kind: 'promptDone' as const, time: promptDoneAt, index }]),
  ]);
  const times = requests.flatMap(({ tokenTimes }) => tokenTimes).sort((a, b) => (a < b ? -1 : 1));
  return [...marks, ...times.map((time, index): Mark => ({ kind: 'token', time, index }))];
}

function sumOf(counts: readonly (number | null)[]): number | null {
  const known = counts.filter((count) => count !== null);
  return known.length === 0 ? null : known.reduce((sum, count) => sum + count, 0);
}

/** Of counts with a speed each: all of them by all their time. One alone has its own, as printed. */
function speedOf(all: readonly (readonly [count: number | null, perSecond: number | null])[]): number | null {
  const known = all.flatMap(([count, perSecond]) => (count && perSecond ? [{ count, perSecond }] : []));
  if (known.length === 1) return known[0]?.perSecond ?? null;
  const seconds = known.reduce((sum, { count, perSecond }) => sum + count / perSecond, 0);
  return seconds > 0 ? known.reduce((sum, { count }) => sum + count, 0) / seconds : null;
}

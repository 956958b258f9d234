import type { Mark, WorkloadTimings } from './engine.js';
import type { LlamaTimings } from './printed-timings.js';

/**
 * The marks in order. Tokens past what the program itself counted are its farewell, and what was read out of
 * the pipes after the end appeared before it.
 */
export function settledMarks(marks: readonly Mark[], tokens: number | null, endedAt: bigint): Mark[] {
  return marks
    .filter(({ kind, index }) => kind !== 'token' || tokens === null || (index as number) < tokens)
    .map((mark) => (mark.time > endedAt ? { ...mark, time: endedAt } : mark))
    .sort((a, b) => Number(a.time - b.time));
}

/**
 * The program's own timings, with what it did not print worked out from the marks. `ownMarks`: these were taken in the
 * program itself.
 */
export function completedTimings(
  printed: LlamaTimings,
  marks: readonly Mark[],
  loadingSince: bigint,
  ownMarks = false,
): WorkloadTimings {
  const at = (kind: Mark['kind']) => marks.find((mark) => mark.kind === kind)?.time ?? null;
  const [loaded, promptDone] = [at('loaded'), at('promptDone')];
  const tokens = marks.filter(({ kind }) => kind === 'token');
  const [first, last] = [tokens[0], tokens.at(-1)];
  const seenSpeed = first && last ? rate(tokens.length - 1, last.time - first.time) : null;
  const saidSpeed = printed.tokensPerSecond ?? (ownMarks ? seenSpeed : null);
  const printedLoad = printed.loadMs === null ? null : BigInt(Math.round(printed.loadMs * 1e6));
  return {
    loadNs: loaded === null ? printedLoad : loaded - loadingSince,
    promptTokens: printed.promptTokens,
    promptTokensPerSecond:
      printed.promptTokensPerSecond ??
      (printed.promptTokens !== null && loaded !== null && promptDone !== null
        ? rate(printed.promptTokens, promptDone - loaded)
        : null),
    tokens: printed.tokens ?? (tokens.length > 0 ? tokens.length : null),
    tokensPerSecond: saidSpeed ?? seenSpeed,
    saidTokenNs: saidSpeed === null ? null : 1e9 / saidSpeed,
  };
}

/** Per second; null where there is nothing to divide. */
function rate(count: number, ns: bigint): number | null {
  return count > 0 && ns > 0n ? (count * 1e9) / Number(ns) : null;
}

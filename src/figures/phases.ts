import type { Generation, Mark } from '../workload/engine.js';

export const phaseNames = ['load', 'prompt', 'generation'] as const;
export type PhaseName = (typeof phaseNames)[number];

/** A phase by the workload's marks: from `fromNs` to just before `toNs`, CLOCK_MONOTONIC. */
export interface PhaseWindow {
  name: PhaseName;
  fromNs: bigint;
  toNs: bigint;
  /** Generated in it; null for load and prompt. */
  tokens: number | null;
}

/** A slot of time: within a phase, or after one, where none goes on; of generation a slot is the making of one token. */
export interface Slot {
  phase: PhaseName | 'after';
  /** Counted from 0 over the tokens of the generation. */
  token: number | null;
  fromNs: bigint;
}

/**
 * Phases by the marks that an engine gave: load until `loaded`, prompt until `promptDone`, generation until the last
 * token. The token that ended the prompt is the prompt's work; a phase without both its marks is left out.
 *
 * `said`, if it is given: how many tokens there were is the program's to say. Where the marks do not show each of them, the
 * generation is when the program says it was, so that what is read for tokens without a mark counts too.
 *
 * A server's prompt begins with its request. Of several requests each has figures of its own (request-reads.ts): no prompt
 * or generation is that of the run.
 */
export function phaseWindows(marks: readonly Mark[], said: Generation | null = null): PhaseWindow[] {
  const [started, loaded, promptDone] = (['started', 'loaded', 'promptDone'] as const).map((kind) =>
    timeOf(marks, kind),
  );
  const tokens = generatedTokens(marks);
  const known = said && !marksShowTokens(marks, said) ? said : null;
  const begin = known ? beginOf(known, loaded, promptDone) : promptDone;
  const end = known ? later(known.endedAt ?? undefined, tokens.at(-1)) : tokens.at(-1);
  const requests = marks.filter(({ kind }) => kind === 'request');
  const load = window('load', started, loaded, null);
  if (requests.length > 1) return load ? [load] : [];
  const windows = [
    load,
    window('prompt', requests[0]?.time ?? loaded, begin, null),
    window('generation', begin, end, known ? known.tokens - 1 : tokens.length),
  ];
  return windows.filter((phase) => phase !== null);
}

/** Whether there is a mark for each token that the program made, and a token for each walk. */
function marksShowTokens(marks: readonly Mark[], said: Generation): boolean {
  return !said.speculative && marks.filter(({ kind }) => kind === 'token').length === said.tokens;
}

/** Not before the model was loaded, and not after the first mark. */
function beginOf(
  { startedAt }: Generation,
  loaded: bigint | undefined,
  promptDone: bigint | undefined,
): bigint | undefined {
  if (startedAt === null || (promptDone !== undefined && startedAt > promptDone)) return promptDone;
  return loaded !== undefined && startedAt < loaded ? loaded : startedAt;
}

function later(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}

/** The same phases cut into slots: one for load, one for prompt, one for every mark of a token, in order of time. */
export function timeSlots(marks: readonly Mark[], said: Generation | null = null): Slot[] {
  const phases = phaseWindows(marks, said);
  const slots = phases.flatMap(({ name, fromNs, toNs }, at): Slot[] => {
    const next = phases[at + 1];
    const idle: Slot[] = next && next.fromNs > toNs ? [{ phase: 'after', token: null, fromNs: toNs }] : [];
    if (name !== 'generation') return [{ phase: name, token: null, fromNs }, ...idle];
    const starts = [fromNs, ...generatedTokens(marks).slice(0, -1)].filter((start) => start >= fromNs);
    return starts.map((start, token) => ({ phase: name, token, fromNs: start }));
  });
  const end = phases.at(-1)?.toNs;
  return end === undefined ? [] : [...slots, { phase: 'after', token: null, fromNs: end }];
}

function timeOf(marks: readonly Mark[], kind: Mark['kind']): bigint | undefined {
  return marks.find((mark) => mark.kind === kind)?.time;
}

/**
 * The number, among all tokens that were seen, of the first that the generation made: the tokens before it, mostly one, came
 * with the prompt. A slot's token is counted from it.
 */
export function firstGenerated(marks: readonly Mark[]): number {
  return marks.filter(({ kind }) => kind === 'token').length - generatedTokens(marks).length;
}

/** When each token after the prompt's end appeared. */
function generatedTokens(marks: readonly Mark[]): bigint[] {
  const promptDone = timeOf(marks, 'promptDone');
  if (promptDone === undefined) return [];
  return marks
    .filter(({ kind, time }) => kind === 'token' && time > promptDone)
    .map(({ time }) => time)
    .sort((a, b) => (a < b ? -1 : 1));
}

function window(
  name: PhaseName,
  fromNs: bigint | undefined,
  toNs: bigint | undefined,
  tokens: number | null,
): PhaseWindow | null {
  if (fromNs === undefined || toNs === undefined || toNs < fromNs) return null;
  return { name, fromNs, toNs, tokens };
}

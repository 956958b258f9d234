import type { Mark } from '../workload/engine.js';

export type PhaseName = 'load' | 'prompt' | 'generation';

/** A phase by the workload's marks: from `fromNs` to just before `toNs`, CLOCK_MONOTONIC. */
export interface PhaseWindow {
  name: PhaseName;
  fromNs: bigint;
  toNs: bigint;
  /** Generated in it; null for load and prompt. */
  tokens: number | null;
}

/** A slot of time: within a phase, or after the last token; of generation a slot is the making of one token. */
export interface Slot {
  phase: PhaseName | 'after';
  /** Counted from 0 over the tokens of the generation. */
  token: number | null;
  fromNs: bigint;
}

/**
 * Phases by the marks that an engine gave: load until `loaded`, prompt until `promptDone`, generation until the last
 * token. The token that ended the prompt is the prompt's work; a phase without both its marks is left out.
 */
export function phaseWindows(marks: readonly Mark[]): PhaseWindow[] {
  const [started, loaded, promptDone] = (['started', 'loaded', 'promptDone'] as const).map((kind) =>
    timeOf(marks, kind),
  );
  const tokens = generatedTokens(marks);
  const windows = [
    window('load', started, loaded, null),
    window('prompt', loaded, promptDone, null),
    window('generation', promptDone, tokens.at(-1), tokens.length),
  ];
  return windows.filter((phase) => phase !== null);
}

/** The same phases cut into slots: one for load, one for prompt, one for every token, in order of time. */
export function timeSlots(marks: readonly Mark[]): Slot[] {
  const phases = phaseWindows(marks);
  const slots = phases.flatMap(({ name, fromNs }): Slot[] => {
    if (name !== 'generation') return [{ phase: name, token: null, fromNs }];
    const starts = [fromNs, ...generatedTokens(marks).slice(0, -1)];
    return starts.map((start, token) => ({ phase: name, token, fromNs: start }));
  });
  const end = phases.at(-1)?.toNs;
  return end === undefined ? [] : [...slots, { phase: 'after', token: null, fromNs: end }];
}

function timeOf(marks: readonly Mark[], kind: Mark['kind']): bigint | undefined {
  return marks.find((mark) => mark.kind === kind)?.time;
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

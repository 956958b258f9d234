import { last } from './printed-numbers.js';
import type { LlamaTimings } from './printed-timings.js';

/**
 * What a server's answer in JSON says, streamed or not: llama.cpp's `timings`, ollama's `eval_count` and times in ns, and
 * where there is neither the `usage` of OpenAI's and Anthropic's forms, which counts tokens and tells no time, unless LM
 * Studio's `stats` stand beside it. Of several the last.
 */
export function jsonTimings(output: string): Partial<LlamaTimings> {
  const found = lastObject(output, 'timings');
  if (found) return llamaTimings(found);
  const counted = usage(lastObject(output, 'usage') ?? {});
  return ollamaFields(output) ?? { ...counted, ...studioSpeed(lastObject(output, 'stats') ?? {}) };
}

function llamaTimings(found: Record<string, unknown>): Partial<LlamaTimings> {
  const speed = (name: string) => (above(found[`${name}_ms`]) ? above(found[`${name}_per_second`]) : null);
  return {
    promptTokens: above(found.prompt_n),
    promptTokensPerSecond: speed('prompt'),
    tokens: above(found.predicted_n),
    tokensPerSecond: speed('predicted'),
  };
}

function ollamaFields(output: string): Partial<LlamaTimings> | null {
  const field = (name: string) =>
    above(Number(last(output, new RegExp(`"${name}"\\s*:\\s*(\\d+)`, 'g'))?.[1]));
  const tokens = field('eval_count');
  if (tokens === null) return null;
  const rate = (count: number | null, ns: number | null) => count && ns && (count * 1e9) / ns;
  const load = field('load_duration');
  const promptTokens = field('prompt_eval_count');
  return {
    loadMs: load && load / 1e6,
    promptTokens,
    promptTokensPerSecond: rate(promptTokens, field('prompt_eval_duration')),
    tokens,
    tokensPerSecond: rate(tokens, field('eval_duration')),
  };
}

function usage(found: Record<string, unknown>): Partial<LlamaTimings> {
  return {
    promptTokens: above(found.prompt_tokens ?? found.input_tokens),
    tokens: above(found.completion_tokens ?? found.output_tokens),
  };
}

/** LM Studio's, beside OpenAI's `usage`. */
function studioSpeed({ tokens_per_second }: Record<string, unknown>): Partial<LlamaTimings> {
  return { tokensPerSecond: above(tokens_per_second) };
}

/** The last object under this key; its own values are plain, or lists and objects that are left out. */
export function lastObject(output: string, key: string): Record<string, unknown> | null {
  const start = last(output, new RegExp(`"${key}"\\s*:\\s*(?=\\{)`, 'g'));
  if (start?.index === undefined) return null;
  const text = output.slice(start.index + start[0].length);
  return parseFlat(/^\{(?:[^{}"]|"(?:[^"\\]|\\.)*"|\{[^{}]*\})*\}/.exec(text)?.[0]);
}

/** An object of JSON in which `nan` and `inf` may stand, as C prints them; null where it is none. */
export function parseFlat(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined) return null;
  const valid = text.replace(/([:[,]\s*)-?(?:nan(?:\(ind\))?|inf(?:inity)?)(?=\s*[,\]}])/gi, '$1null');
  try {
    return JSON.parse(valid) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** A number above 0, or null: nothing counted, nothing measured. */
export function above(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null;
}

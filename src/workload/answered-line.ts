import { durationMs } from './llama-timings.js';
import { positive, printedNumber } from './printed-numbers.js';

/** What one line tells of a request that has been answered. */
export interface Answered {
  /** How long that took. */
  ms: number;
  promptTokens: number | null;
  promptTokensPerSecond: number | null;
  tokens: number | null;
  tokensPerSecond: number | null;
}

/**
 * Servers that tell of a request in one line, when it has been answered:
 *
 *     [GIN] 2026/06/01 - 12:00:00 | 200 | 1.234s | 127.0.0.1 | POST     "/api/generate"                       ollama
 *     Output generated in 5.20 seconds (19.23 tokens/s, 100 tokens, context 12, seed 1)        text-generation-webui
 *     ... 512 tokens generated in 9.59 seconds (Queue: 0.0 s, Process: 0 cached tokens and 120 new tokens at
 *         300.0 T/s, Generate: 53.5 T/s, Context: 120 tokens)                                               TabbyAPI
 *     Finish: obj=..., out={... 'prompt_tokens': 5, 'completion_tokens': 32, 'e2e_latency': 0.199}            SGLang
 */
const forms: readonly RegExp[] = [
  /^\[GIN\].*\|\s*\d{3}\s*\|\s*(?<took>\S+)\s*\|.*\bPOST\s+"\/(?:api\/(?:generate|chat|embed)|v1\/(?:chat\/)?(?:completions|responses|messages|embeddings))\b/,
  /\bOutput generated in (?<seconds>[\d.]+) seconds \((?<speed>[\d.]+) tokens\/s, (?<tokens>\d+) tokens(?:, context (?<prompt>\d+))?/,
  /\b(?<tokens>\d+) tokens generated in (?<seconds>[\d.]+) seconds \(Queue:.* (?<prompt>\d+) new tokens at (?<promptSpeed>[\d.]+) T\/s, Generate: (?<speed>[\d.]+) T\/s/,
  /\bFinish: .*'prompt_tokens': (?<prompt>\d+),.*'completion_tokens': (?<tokens>\d+),.*'e2e_latency': (?<seconds>[\d.]+)/,
];

/** null: it tells of none. */
export function answeredIn(line: string): Answered | null {
  for (const form of forms) {
    const found = form.exec(line)?.groups;
    if (!found) continue;
    const seconds = printedNumber(found.seconds);
    const ms = seconds === null ? durationMs(found.took ?? '') : seconds * 1000;
    if (ms === null) continue;
    return {
      ms,
      promptTokens: positive(found.prompt),
      promptTokensPerSecond: positive(found.promptSpeed),
      tokens: positive(found.tokens),
      tokensPerSecond: positive(found.speed),
    };
  }
  return null;
}

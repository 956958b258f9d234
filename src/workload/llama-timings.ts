/**
 * What one of llama.cpp's programs printed about its speed. null: not printed, or printed as nothing
 * measured.
 *
 * Three formats are read, whatever stands before them in the line (older ones name the function, newer ones a
 * time):
 *
 *     prompt eval time = 27.62 ms / 57 tokens (...)     until 2024 by llama_print_timings, then by
 *            eval time =  4.59 ms / 11 runs   (...)     llama_perf_context_print or common_perf_print; by a server's slot
 *     [ Prompt: 2381.0 t/s | Generation: 1380.4 t/s ]   llama-cli since the end of 2025
 *     a JSON array, one object a test                   llama-bench -o json
 */
export interface LlamaTimings {
  /** As printed. It includes a warm-up, and without one the prompt: `loaded` marks tell more. */
  loadMs: number | null;
  promptTokens: number | null;
  promptTokensPerSecond: number | null;
  /** Tokens generated, the first, which comes with the prompt's evaluation, included. */
  tokens: number | null;
  /** Of the tokens after the first. */
  tokensPerSecond: number | null;
}

const notPrinted: LlamaTimings = {
  loadMs: null,
  promptTokens: null,
  promptTokensPerSecond: null,
  tokens: null,
  tokensPerSecond: null,
};

/** Timings from a program's output; of several (a chat with several turns) the last. */
export function parseLlamaTimings(output: string): LlamaTimings {
  const prompt = lastEntry(output, /prompt eval time =\s*([\d.]+) ms \/\s*(\d+) (tokens)/g);
  const evaluated = lastEntry(output, /(?<!prompt )eval time =\s*([\d.]+) ms \/\s*(\d+) (runs|tokens)/g);
  const sampled = lastMatch(output, /\bsample time =\s*[\d.]+ ms \/\s*(\d+) runs/g);
  const load = lastMatch(output, /load time =\s*([\d.]+) ms/g);
  const speeds = lastMatch(output, /\[ Prompt:\s*([\d.]+) t\/s \| Generation:\s*([\d.]+) t\/s \]/g);
  return {
    loadMs: positive(load?.[1]),
    promptTokens: prompt && prompt.ms > 0 ? prompt.count : null,
    promptTokensPerSecond: prompt ? perSecond(prompt) : positive(speeds?.[1]),
    tokens: sampled ? Number(sampled[1]) : evaluated ? generatedTokens(evaluated, prompt) : null,
    tokensPerSecond: evaluated ? perSecond(evaluated) : positive(speeds?.[2]),
  };
}

interface TimingEntry {
  ms: number;
  count: number;
  unit: string;
}

/**
 * A context counts evaluations ("runs"): one less than tokens, as the first token needs none of its own. A
 * prompt of one token is counted as such a run too, and leaves the prompt's own time at zero. A server counts
 * tokens. A run that took no time is none: where there was nothing to count llama.cpp prints 1, to divide by
 * it.
 */
function generatedTokens(evaluated: TimingEntry, prompt: TimingEntry | null): number | null {
  if (evaluated.unit === 'tokens') return evaluated.count;
  const promptWasARun = prompt !== null && prompt.ms === 0;
  if (evaluated.ms === 0) return promptWasARun ? null : 1;
  return promptWasARun ? evaluated.count : evaluated.count + 1;
}

/** From time and count: the speed that is printed beside them has lost digits. */
function perSecond({ ms, count }: TimingEntry): number | null {
  return ms > 0 ? (count * 1000) / ms : null;
}

function lastEntry(output: string, pattern: RegExp): TimingEntry | null {
  const match = lastMatch(output, pattern);
  return match && { ms: Number(match[1]), count: Number(match[2]), unit: match[3] as string };
}

function lastMatch(output: string, pattern: RegExp): RegExpMatchArray | null {
  return [...output.matchAll(pattern)].at(-1) ?? null;
}

function positive(text: string | undefined): number | null {
  const value = Number(text);
  return value > 0 ? value : null;
}

/** One test of llama-bench; the fields that are read here have kept their names since it was written. */
interface BenchTest {
  build_number?: number;
  build_commit?: string;
  n_prompt?: number;
  n_gen?: number;
  avg_ts?: number;
}

/**
 * llama-bench's build ("11669 (b8cf60e)") and timings. Output that is no whole JSON, as of a run cut short,
 * gives nulls.
 */
export function parseBenchJson(output: string): { version: string | null; timings: LlamaTimings } {
  const tests = benchTests(output);
  // A test of both (-pg) has one speed for the two, which is neither's.
  const prompt = tests.find((test) => (test.n_prompt ?? 0) > 0 && test.n_gen === 0);
  const generation = tests.find((test) => (test.n_gen ?? 0) > 0 && test.n_prompt === 0);
  const { build_number, build_commit } = tests[0] ?? {};
  return {
    version: build_number === undefined ? null : `${build_number} (${build_commit ?? 'unknown'})`,
    timings: {
      ...notPrinted,
      promptTokens: prompt?.n_prompt ?? null,
      promptTokensPerSecond: prompt?.avg_ts ?? null,
      tokens: generation?.n_gen ?? null,
      tokensPerSecond: generation?.avg_ts ?? null,
    },
  };
}

function benchTests(output: string): BenchTest[] {
  const start = output.indexOf('[');
  try {
    const parsed: unknown = JSON.parse(output.slice(Math.max(start, 0)));
    return Array.isArray(parsed) ? (parsed as BenchTest[]) : [];
  } catch {
    return [];
  }
}

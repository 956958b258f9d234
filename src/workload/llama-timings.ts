import { benchTimings, findBenchTests } from './bench-timings.js';
import { firstForm, vllmLine, webuiLine } from './other-timings.js';
import { last, numbers, positive, printedNumber, printedSpeed } from './printed-numbers.js';
import { type LlamaTimings, notPrinted } from './printed-timings.js';
import { jsonTimings } from './response-timings.js';

type Form = (output: string) => Partial<LlamaTimings>;

/**
 * Every form that is read, the one that knows most first. Where two say the same of one run, the first counts: the line
 * of speculative decoding knows the tokens, the contexts below it only their own evaluations.
 */
const forms: readonly Form[] = [
  speculativeLines,
  // the context below a benchmark's table has evaluated all of its tests, and its runs are not tokens
  (output) => benchTimings(findBenchTests(output)),
  perfLines,
  jsonTimings,
  ollamaLines,
  koboldLines,
  mlxLines,
  webuiLine,
  vllmLine,
  firstForm,
  chatLine,
];

/** Timings from a program's output; of several (a chat with several turns) the last. */
export function parseLlamaTimings(printed: string): LlamaTimings {
  const output = printed.replace(colours, '');
  const timings = { ...notPrinted };
  for (const form of forms) {
    for (const [key, value] of Object.entries(form(output)) as [keyof LlamaTimings, number | null][]) {
      timings[key] ??= value;
    }
  }
  return evaluatesOnly.test(output) ? { ...timings, tokens: null, tokensPerSecond: null } : timings;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals take them
const colours = /\x1b\[[0-9;?]*[A-Za-z]/g;

/** Programs that evaluate a text and generate none, whose contexts count what they evaluated one by one as "runs". */
const evaluatesOnly = /Final estimate: PPL|^perplexity: calculating|^kl_divergence: computing/m;

const { number } = numbers;

/** `decoded  120 tokens in   10.000 seconds, speed:   12.000 t/s`, of the examples that draft. */
function speculativeLines(output: string): Partial<LlamaTimings> {
  const line = (word: string) =>
    last(
      output,
      new RegExp(`\\b${word}\\s+(\\d+) tokens in\\s+${number} seconds, speed:\\s+${number} t/s`, 'g'),
    );
  const [encoded, decoded] = [line('encoded'), line('decoded')];
  return {
    promptTokens: positive(encoded?.[1]),
    promptTokensPerSecond: printedSpeed(encoded?.[3]),
    tokens: positive(decoded?.[1]),
    tokensPerSecond: printedSpeed(decoded?.[3]),
  };
}

/**
 * The lines of a context and of a server's slot, whatever stands before them (a function, a time, JSON):
 *
 *     prompt eval time = 27.62 ms / 57 tokens (...)     until 2024 by llama_print_timings, then by
 *            eval time =  4.59 ms / 11 runs   (...)     llama_perf_context_print or common_perf_print; by a server's slot
 */
function perfLines(output: string): Partial<LlamaTimings> {
  const load = last(output, new RegExp(`load time =\\s*${number} ms`, 'g'));
  const prompt = perfEntry(output, /prompt eval/);
  const evaluated = perfEntry(output, /(?<!prompt )eval/);
  return {
    loadMs: positive(load?.[1]),
    promptTokens: prompt && prompt.ms > 0 ? prompt.count : null,
    promptTokensPerSecond: prompt && perSecond(prompt),
    tokens: sampledTokens(output) ?? (evaluated && generatedTokens(evaluated, prompt, output)),
    tokensPerSecond: evaluated && perSecond(evaluated),
  };
}

/** How long it generated, in ms, by its own count: evaluations and the sampling between them. null: not printed. */
export function generationMs(output: string): number | null {
  const evaluated = perfEntry(output, /(?<!prompt )eval/);
  const sampled = last(output, new RegExp(`\\bsampl(?:e|ing) time =\\s*${number} ms`, 'g'));
  return evaluated && evaluated.ms > 0 ? evaluated.ms + (printedNumber(sampled?.[1]) ?? 0) : null;
}

interface PerfEntry {
  ms: number;
  count: number;
  /** What is counted: a context's evaluations, or tokens. */
  evaluations: boolean;
  msPerToken: string | undefined;
  tokensPerSecond: string | undefined;
}

function perfEntry(output: string, what: RegExp): PerfEntry | null {
  const quotients = `(?:\\s*\\(\\s*${number} ms per (?:token|run)(?:,\\s*${number} tokens per second)?)?`;
  const pattern = new RegExp(
    `^(.*)${what.source} time\\s*=\\s*${number} ms /\\s*(\\d+) (tokens|runs)${quotients}`,
    'gm',
  );
  const match = last(output, pattern);
  if (!match) return null;
  const [, before = '', ms, count, unit] = match;
  // Servers of 2023 and 2024 called the tokens of a slot runs.
  const server = /(?<!llama_)print_timings\b|generation $/.test(before);
  return {
    ms: printedNumber(ms) ?? 0,
    count: Number(count),
    evaluations: unit === 'runs' && !server,
    msPerToken: match[5],
    tokensPerSecond: match[6],
  };
}

/** `sample time = 17.84 ms / 344 runs`, until 2024: one for each token. Where nothing was sampled it is 0 ms of 1. */
function sampledTokens(output: string): number | null {
  const match = last(output, new RegExp(`\\bsample time =\\s*${number} ms /\\s*(\\d+) runs`, 'g'));
  return match && (printedNumber(match[1]) ?? 0) > 0 ? positive(match[2]) : null;
}

/**
 * A context counts one less than tokens, as the first token needs no evaluation of its own. A prompt of one token is
 * counted as such a run too, and leaves the prompt's own time at zero. A run that took no time is none: where there was
 * nothing to count llama.cpp prints 1, to divide by it. Then one token was generated if any was sampled.
 */
function generatedTokens(evaluated: PerfEntry, prompt: PerfEntry | null, output: string): number | null {
  if (!evaluated.evaluations) return evaluated.count > 0 ? evaluated.count : null;
  const promptWasARun = prompt !== null && prompt.ms === 0;
  if (evaluated.ms > 0) return promptWasARun ? evaluated.count : evaluated.count + 1;
  const sampling = last(output, new RegExp(`\\bsampling time =\\s*${number} ms`, 'g'));
  return !promptWasARun && (printedNumber(sampling?.[1]) ?? 0) > 0 ? 1 : null;
}

/** As printed; of early 2023, when no speed was, from the time for each. */
function perSecond({ ms, count, msPerToken, tokensPerSecond }: PerfEntry): number | null {
  if (ms <= 0) return null;
  return printedSpeed(tokensPerSecond, msPerToken) ?? (count > 0 ? (count * 1000) / ms : null);
}

/** `ollama run --verbose`. */
function ollamaLines(output: string): Partial<LlamaTimings> {
  const value = (name: string) => last(output, new RegExp(`^\\s*${name}:\\s+${number}`, 'gm'))?.[1];
  const load = last(output, /^\s*load duration:\s+(\S+)/gm)?.[1];
  return {
    loadMs: load === undefined ? null : durationMs(load),
    promptTokens: positive(value('prompt eval count')),
    promptTokensPerSecond: printedSpeed(value('prompt eval rate')),
    tokens: positive(value('eval count')),
    tokensPerSecond: printedSpeed(value('eval rate')),
  };
}

/** Go's way to print a duration: `1m2.5s`, `12.3ms`, `45µs`. null where it is none. */
export function durationMs(text: string): number | null {
  const units: Record<string, number> = {
    h: 3_600_000,
    m: 60_000,
    s: 1000,
    ms: 1,
    µs: 1e-3,
    μs: 1e-3,
    us: 1e-3,
    ns: 1e-6,
  };
  const parts = [...text.matchAll(/([\d.]+)(h|ms|m|s|µs|μs|us|ns)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return null;
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (units[unit as string] as number), 0);
}

/**
 * koboldcpp: `CtxLimit:612/4096, Amt:100/100, Init:0.02s, Process:2.35s (217.87T/s), Generate:5.20s (19.23T/s), ...`;
 * before 2025 the speed stands behind a time, `(4.6ms/T = 217.87T/s)`, in 2023 only the time does.
 */
function koboldLines(output: string): Partial<LlamaTimings> {
  const line = last(output, /^.*\bProcess(?:ing)?:.*\bGenerat(?:e|ion):.*$/gm)?.[0];
  if (line === undefined) return {};
  const speed = (name: string) => {
    const inside = new RegExp(`\\b${name}:\\s*[\\d.]+s \\(([^)]*)\\)`).exec(line)?.[1] ?? '';
    const perToken = new RegExp(`${number}\\s*ms/T`).exec(inside)?.[1];
    return printedSpeed(new RegExp(`${number}\\s*T/s`).exec(inside)?.[1], perToken);
  };
  return {
    tokens: positive(/\bAmt:\s*(\d+)\//.exec(line)?.[1]),
    promptTokensPerSecond: speed('Process(?:ing)?'),
    tokensPerSecond: speed('Generat(?:e|ion)'),
  };
}

/** `Generation: 100 tokens, 35.2 tokens-per-sec` of MLX. */
function mlxLines(output: string): Partial<LlamaTimings> {
  const line = (name: string) =>
    last(output, new RegExp(`^${name}: (\\d+) tokens, ${number} tokens-per-sec`, 'gm'));
  const [prompt, generation] = [line('Prompt'), line('Generation')];
  return {
    promptTokens: positive(prompt?.[1]),
    promptTokensPerSecond: printedSpeed(prompt?.[2]),
    tokens: positive(generation?.[1]),
    tokensPerSecond: printedSpeed(generation?.[2]),
  };
}

/** llama-cli since the end of 2025: `[ Prompt: 2381.0 t/s | Generation: 1380.4 t/s ]`. */
function chatLine(output: string): Partial<LlamaTimings> {
  const speeds = last(
    output,
    new RegExp(`\\[ Prompt:\\s*${number} t/s \\| Generation:\\s*${number} t/s \\]`, 'g'),
  );
  return {
    promptTokensPerSecond: printedSpeed(speeds?.[1]),
    tokensPerSecond: printedSpeed(speeds?.[2]),
  };
}

import { printedNumber } from './printed-numbers.js';
import type { LlamaTimings } from './printed-timings.js';
import { above, parseFlat } from './response-timings.js';

/** One test of a benchmark; the names are those of llama-bench's JSON, which it has kept since it was written. */
export interface BenchTest {
  build_number?: number;
  build_commit?: string;
  n_prompt?: number;
  n_gen?: number;
  /** Tokens that are in the context before the test begins. */
  n_depth?: number;
  avg_ts?: number | null;
}

/**
 * llama-bench's build ("11669 (b8cf60e)") and timings. Output that is no whole JSON, as of a run cut short, gives nulls.
 */
export function parseBenchJson(output: string): { version: string | null; timings: LlamaTimings } {
  const tests = findBenchTests(output);
  const { build_number, build_commit } = tests[0] ?? {};
  return {
    version: build_number === undefined ? null : `${build_number} (${build_commit ?? 'unknown'})`,
    timings: benchTimings(tests),
  };
}

/** The tests at the least depth; those of both (-pg) have one speed for the two, which is neither's. */
export function benchTimings(tests: readonly BenchTest[]): LlamaTimings {
  const shallowest = (found: BenchTest[]) =>
    found.toSorted((a, b) => (a.n_depth ?? 0) - (b.n_depth ?? 0)).at(0);
  const generates = ({ n_prompt, n_gen }: BenchTest) => above(n_gen) !== null && above(n_prompt) === null;
  const evaluates = ({ n_prompt, n_gen }: BenchTest) => above(n_prompt) !== null && above(n_gen) === null;
  const [prompt, generation] = [evaluates, generates].map((kind) => shallowest(tests.filter(kind)));
  return {
    loadMs: null,
    promptTokens: prompt?.n_prompt ?? null,
    promptTokensPerSecond: above(prompt?.avg_ts),
    tokens: generation?.n_gen ?? null,
    tokensPerSecond: above(generation?.avg_ts),
  };
}

/** The tests in a benchmark's output, in JSON, JSON lines, a table or CSV, with whatever log lines around them. */
export function findBenchTests(output: string): BenchTest[] {
  const json = jsonTests(output);
  if (json.length > 0) return json;
  const table = tableTests(output);
  return table.length > 0 ? table : csvTests(output);
}

/** `-o csv`: a line of names, then every value in quotes. */
function csvTests(output: string): BenchTest[] {
  const lines = output.split('\n').map((line) => line.trim());
  const head = lines.findIndex((line) => /^build_commit,.*\bn_gen\b.*\bavg_ts\b/.test(line));
  const names = head < 0 ? [] : (lines[head] as string).split(',');
  return lines.slice(head + 1).flatMap((line): BenchTest[] => {
    const cells = [...line.matchAll(/"((?:[^"]|"")*)"(?:,|$)/g)].map(([, value]) => value as string);
    if (names.length === 0 || cells.length !== names.length) return [];
    const value = (name: string) => printedNumber(cells[names.indexOf(name)]);
    const [n_prompt, n_gen] = [value('n_prompt'), value('n_gen')];
    if (n_prompt === null || n_gen === null) return [];
    return [{ n_prompt, n_gen, n_depth: value('n_depth') ?? 0, avg_ts: value('avg_ts') }];
  });
}

function jsonTests(output: string): BenchTest[] {
  const opened = output.search(/^\s*\[\s*$/m);
  if (opened >= 0 && !/^\s*\]\s*$/m.test(output.slice(opened + 1))) return []; // cut short
  const objects = output.match(/\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}/g) ?? [];
  return objects
    .filter((text) => text.includes('"n_gen"'))
    .map(parseFlat)
    .filter((test): test is BenchTest & Record<string, unknown> => test !== null);
}

/** llama-bench's own table (`pp512`, `tg128 @ d4096`), and that of ik_llama.cpp's llama-sweep-bench (PP, TG, N_KV). */
function tableTests(output: string): BenchTest[] {
  let columns: string[] = [];
  return output.split('\n').flatMap((line): BenchTest[] => {
    const cells = /^\s*\|(.*)\|\s*$/
      .exec(line)?.[1]
      ?.split('|')
      .map((cell) => cell.trim());
    if (!cells) return [];
    if (cells.includes('t/s') || cells.includes('S_TG t/s')) columns = cells;
    const cell = (name: string) => cells[columns.indexOf(name)] ?? '';
    return columns.includes('t/s') ? ownRow(cell('test'), cell('t/s')) : sweepRow(cell);
  });
}

function ownRow(test: string, speed: string): BenchTest[] {
  const [, kind, count, depth] = /^(pp|tg)\s*(\d+)(?:\s*@\s*d(\d+))?$/.exec(test) ?? [];
  if (!kind) return [];
  const tokens = Number(count);
  return [
    {
      n_prompt: kind === 'pp' ? tokens : 0,
      n_gen: kind === 'tg' ? tokens : 0,
      n_depth: Number(depth ?? 0),
      avg_ts: printedNumber(speed.split('±')[0]?.trim()),
    },
  ];
}

function sweepRow(cell: (name: string) => string): BenchTest[] {
  const [prompt, generated] = [Number(cell('PP')), Number(cell('TG'))];
  if (!(prompt > 0) || !(generated > 0) || Number(cell('B') || 1) > 1) return [];
  const n_depth = Number(cell('N_KV'));
  return [
    { n_prompt: prompt, n_gen: 0, n_depth, avg_ts: printedNumber(cell('S_PP t/s')) },
    { n_prompt: 0, n_gen: generated, n_depth, avg_ts: printedNumber(cell('S_TG t/s')) },
  ];
}

// Timing formats of llama.cpp's programs, oldest first. The samples of llama.cpp 0.7.0 were printed by the
// programs that scripts/get-llama.mjs brings; the older ones follow the format strings of their time.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseBenchJson } from '../../../src/workload/bench-timings.js';
import { parseLlamaTimings } from '../../../src/workload/llama-timings.js';
import type { LlamaTimings } from '../../../src/workload/printed-timings.js';

/** Speeds are compared to 0.1 %: the programs round times and speeds alike. */
function assertTimings(found: LlamaTimings, expected: LlamaTimings): void {
  for (const key of Object.keys(expected) as (keyof LlamaTimings)[]) {
    const [value, wanted] = [found[key], expected[key]];
    if (value === null || wanted === null) assert.equal(value, wanted, key);
    else assert.ok(Math.abs(value - wanted) <= wanted / 1000, `${key}: ${value}, not ${wanted}`);
  }
}

test('2023, per token and per run only', () => {
  assertTimings(
    parseLlamaTimings(`
llama_print_timings:        load time =  1421.10 ms
llama_print_timings:      sample time =    88.20 ms /   128 runs   (    0.69 ms per run)
llama_print_timings: prompt eval time =   930.00 ms /    15 tokens (   62.00 ms per token)
llama_print_timings:        eval time = 16510.00 ms /   127 runs   (  130.00 ms per run)
llama_print_timings:       total time = 18040.75 ms
`),
    {
      loadMs: 1421.1,
      promptTokens: 15,
      promptTokensPerSecond: 16.129,
      tokens: 128,
      tokensPerSecond: 7.6923,
    },
  );
});

test('2023 and 2024, llama_print_timings', () => {
  assertTimings(
    parseLlamaTimings(`
llama_print_timings:        load time =    1933.61 ms
llama_print_timings:      sample time =      17.84 ms /   344 runs   (    0.05 ms per token, 19282.51 tokens per second)
llama_print_timings: prompt eval time =    1161.79 ms /    62 tokens (   18.74 ms per token,    53.37 tokens per second)
llama_print_timings:        eval time =    7041.42 ms /   343 runs   (   20.53 ms per token,    48.71 tokens per second)
llama_print_timings:       total time =    8397.30 ms /   405 tokens
`),
    {
      loadMs: 1933.61,
      promptTokens: 62,
      promptTokensPerSecond: 53.37,
      tokens: 344,
      tokensPerSecond: 48.71,
    },
  );
});

test('2024 and 2025, llama_perf_context_print', () => {
  assertTimings(
    parseLlamaTimings(`
llama_perf_sampler_print:    sampling time =       9.81 ms /   113 runs   (    0.09 ms per token, 11518.86 tokens per second)
llama_perf_context_print:        load time =     812.44 ms
llama_perf_context_print: prompt eval time =     402.50 ms /    13 tokens (   30.96 ms per token,    32.30 tokens per second)
llama_perf_context_print:        eval time =   11350.01 ms /    99 runs   (  114.65 ms per token,     8.72 tokens per second)
llama_perf_context_print:       total time =   11790.33 ms /   112 tokens
`),
    { loadMs: 812.44, promptTokens: 13, promptTokensPerSecond: 32.3, tokens: 100, tokensPerSecond: 8.72 },
  );
});

test('2026, common_perf_print with times before the lines (llama-completion 0.7.0)', () => {
  assertTimings(
    parseLlamaTimings(`
0.00.043.547 I generate: n_ctx = 512, n_batch = 2048, n_predict = 12, n_keep = 1
0.00.043.564 I${' '}
0.02.055.302 I common_perf_print:    sampling time =       0.30 ms
0.02.055.328 I common_perf_print:    samplers time =       0.16 ms /    25 tokens
0.02.055.347 I common_perf_print:        load time =     387.47 ms
0.02.055.364 I common_perf_print: prompt eval time =     386.54 ms /    13 tokens (   29.73 ms per token,    33.63 tokens per second)
0.02.055.381 I common_perf_print:        eval time =    1623.67 ms /    11 runs   (  147.61 ms per token,     6.77 tokens per second)
0.02.055.398 I common_perf_print:       total time =    2012.31 ms /    24 tokens
0.02.055.415 I common_perf_print: unaccounted time =       1.79 ms /   0.1 %      (total - sampling - prompt eval - eval) / (total)
0.02.055.430 I common_perf_print:    graphs reused =         10
0.02.055.447 I common_perf_print:   graph reallocs =          0    /     0        (same size) / (changed size)
`),
    { loadMs: 387.47, promptTokens: 13, promptTokensPerSecond: 33.63, tokens: 12, tokensPerSecond: 6.775 },
  );
});

/** Each row is a form, printed by some program between 2023 and 2026, with what it says. */
interface Row {
  name: string;
  text: string;
  right: Omit<LlamaTimings, 'loadMs'>;
}

const rows = new URL('../../fixtures/timings/timings.json', import.meta.url);
for (const { name, text, right } of JSON.parse(readFileSync(rows, 'utf8')) as Row[]) {
  test(name, () => {
    const { loadMs: _, ...found } = parseLlamaTimings(text);
    for (const key of Object.keys(found) as (keyof typeof found)[]) {
      const wanted = right[key] ?? null;
      if (wanted === null) assert.equal(found[key], null, key);
      else
        assert.ok(
          Math.abs((found[key] ?? Number.NaN) - wanted) < 1e-9,
          `${key}: ${found[key]}, not ${wanted}`,
        );
    }
  });
}

const chatEnd = `
> hello
 hee fui lig uqd

[ Prompt: 2063.6 t/s | Generation: 871.3 t/s ]


Exiting...
`;

test('2026, the chat of llama-cli 0.7.0: two speeds, and tokens where its server logs them', () => {
  assertTimings(parseLlamaTimings(chatEnd), {
    loadMs: null,
    promptTokens: null,
    promptTokensPerSecond: 2063.6,
    tokens: null,
    tokensPerSecond: 871.3,
  });
  const server = `
0.00.553.821 I slot launch_slot_: id  0 | task 0 | processing task, is_child = 0
0.00.586.158 I slot print_timing: id  0 | task 0 | prompt eval time =      27.62 ms /    57 tokens (    0.48 ms per token,  2063.65 tokens per second)
0.00.586.190 I slot print_timing: id  0 | task 0 |        eval time =       4.59 ms /     5 tokens (    1.15 ms per token,   871.27 tokens per second)
0.00.586.209 I slot print_timing: id  0 | task 0 |       total time =      32.21 ms /    62 tokens
`;
  const { tokens, promptTokens, tokensPerSecond } = parseLlamaTimings(chatEnd + server);
  assert.deepEqual([tokens, promptTokens], [5, 57]);
  assert.equal(tokensPerSecond, 871.27, 'as printed: over the four tokens after the first');
});

test('a single token needs no run of its own, a prompt of one token takes one', () => {
  const one = `sampling time =       0.11 ms
                 prompt eval time =     386.54 ms /    13 tokens
                        eval time =       0.00 ms /     1 runs   (    0.00 ms per token,      inf tokens per second)`;
  assert.deepEqual(parseLlamaTimings(one).tokens, 1);
  assert.equal(parseLlamaTimings(one).tokensPerSecond, null);
  const prompt = `prompt eval time =       0.00 ms /     1 tokens (    0.00 ms per token,      inf tokens per second)
                           eval time =      80.00 ms /     8 runs   (   10.00 ms per token,   100.00 tokens per second)`;
  const found = parseLlamaTimings(prompt);
  assert.deepEqual([found.tokens, found.promptTokens, found.tokensPerSecond], [8, null, 100]);
});

test('several turns: the last counts; output without timings gives nulls', () => {
  const turns = 'eval time = 100.00 ms / 10 runs\neval time = 50.00 ms / 20 runs\n';
  assert.equal(parseLlamaTimings(turns).tokens, 21);
  assert.deepEqual(parseLlamaTimings('error: invalid argument: --nosuch\n'), {
    loadMs: null,
    promptTokens: null,
    promptTokensPerSecond: null,
    tokens: null,
    tokensPerSecond: null,
  });
});

/** As llama-bench 0.7.0 prints it, less some of its fields. */
const bench = `[
  {
    "build_commit": "Debian",
    "build_number": 11669,
    "cpu_info": "AMD EPYC",
    "model_filename": "tiny.gguf",
    "n_threads": 1,
    "load_mode": "auto",
    "repack": false,
    "n_prompt": 16,
    "n_gen": 0,
    "n_depth": 0,
    "test_time": "2026-11-24T20:51:55Z",
    "avg_ns": 18248461,
    "stddev_ns": 0,
    "avg_ts": 876.786267,
    "stddev_ts": 0.000000,
    "samples_ns": [ 18248461 ],
    "samples_ts": [ 876.786 ]
  },
  {
    "build_commit": "Debian",
    "build_number": 11669,
    "n_prompt": 0,
    "n_gen": 8,
    "n_depth": 0,
    "avg_ns": 9331929,
    "avg_ts": 857.271846,
    "samples_ns": [ 9331929 ],
    "samples_ts": [ 857.272 ]
  }
]
`;

test("llama-bench's JSON", () => {
  const { version, timings } = parseBenchJson(bench);
  assert.equal(version, '11669 (Debian)');
  assertTimings(timings, {
    loadMs: null,
    promptTokens: 16,
    promptTokensPerSecond: 876.786,
    tokens: 8,
    tokensPerSecond: 857.272,
  });
});

test("llama-bench's JSON cut short, and a test of prompt and generation together", () => {
  assert.deepEqual(parseBenchJson(bench.slice(0, -3)).timings.tokens, null);
  assert.equal(parseBenchJson('[\n').version, null);
  const both = parseBenchJson('[{"build_number": 1, "n_prompt": 16, "n_gen": 8, "avg_ts": 100.0}]');
  assert.deepEqual([both.version, both.timings.tokensPerSecond], ['1 (unknown)', null]);
});

import { last, numbers, positive, printedSpeed } from './printed-numbers.js';
import type { LlamaTimings } from './printed-timings.js';

// How programs that are none of llama.cpp's tell their speed, a function a program.

const { number } = numbers;

/** text-generation-webui: `Output generated in 5.20 seconds (19.23 tokens/s, 100 tokens, context 12, seed 1)`. */
export function webuiLine(output: string): Partial<LlamaTimings> {
  const line = last(
    output,
    new RegExp(
      `Output generated in ${number} seconds \\(${number} tokens/s, (\\d+) tokens(?:, context (\\d+))?`,
      'g',
    ),
  );
  return {
    promptTokens: positive(line?.[4]),
    tokens: positive(line?.[3]),
    tokensPerSecond: printedSpeed(line?.[2]),
  };
}

/** vLLM without a server, as its progress bar ends: `est. speed input: 2.31 toks/s, output: 19.23 toks/s`. */
export function vllmLine(output: string): Partial<LlamaTimings> {
  const line = last(
    output,
    new RegExp(`est\\. speed input: ${number} toks/s, output: ${number} toks/s`, 'g'),
  );
  return { promptTokensPerSecond: printedSpeed(line?.[1]), tokensPerSecond: printedSpeed(line?.[2]) };
}

/** The programs of March 2023: `predict time = 31378.77 ms / 61.41 ms per token`. */
export function firstForm(output: string): Partial<LlamaTimings> {
  const line = last(output, new RegExp(`predict time =\\s*${number} ms / ${number} ms per token`, 'g'));
  return { tokensPerSecond: printedSpeed(undefined, line?.[2]) };
}

/**
 * What a program printed about its speed. null: not printed, or printed as nothing measured.
 *
 * `tokensPerSecond` is the quotient that the program printed, since only the program knows what it divided: a context
 * counts evaluations, a server of 2026 divides by one token less than it names, a server of 2023 by all of them.
 */
export interface LlamaTimings {
  /** As printed. It includes a warm-up, and without one the prompt: `loaded` marks tell more. */
  loadMs: number | null;
  promptTokens: number | null;
  promptTokensPerSecond: number | null;
  /** Tokens generated, the first, which comes with the prompt's evaluation, included. */
  tokens: number | null;
  tokensPerSecond: number | null;
}

export const notPrinted: Readonly<LlamaTimings> = {
  loadMs: null,
  promptTokens: null,
  promptTokensPerSecond: null,
  tokens: null,
  tokensPerSecond: null,
};

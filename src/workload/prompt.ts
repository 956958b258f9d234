import type { WorkloadOptions } from './engine.js';

/** Used when neither a prompt nor its length is given. */
export const defaultPrompt =
  'A model that is larger than memory is read from the disk again and again, because';

/** For an engine that takes a length and no text: about that of the default prompt. */
export function promptTokensOf(options: WorkloadOptions): number {
  return options.promptTokens ?? 16;
}

/**
 * Text of about `tokens` tokens for a program that only takes text: common words, which most vocabularies
 * have whole. What it came to is in the timings.
 */
export function promptOfLength(tokens: number): string {
  const words = defaultPrompt.replace(',', '').split(' ');
  return Array.from({ length: tokens }, (_, index) => words[index % words.length]).join(' ');
}

import type { LlamaOptions } from './llama-options.js';
import { last, positive } from './printed-numbers.js';
import { lastObject } from './response-timings.js';

/** What a program said of its drafts: how many tokens were guessed ahead, and how many of them the model took. */
export interface Drafts {
  drafted: number;
  accepted: number;
}

/**
 * Reads it from a program's output; of several requests from the last. null: nothing was drafted, or it did not say.
 *
 *     draft acceptance rate = 0.57576 (  171 accepted /   297 generated)     a server; without `rate` since 2026
 *     "draft_n": 40, "draft_n_accepted": 30                                  its JSON
 *     n_drafted = 240 ... n_accept  = 80                                     the examples (n_draft: how many at a time)
 */
export function parseDrafts(output: string): Drafts | null {
  const line = last(
    output,
    /draft acceptance(?: rate)?\s*=\s*[\d.,]+\s*\(\s*(\d+) accepted \/\s*(\d+) generated\)/g,
  );
  if (line) return { drafted: Number(line[2]), accepted: Number(line[1]) };
  const { draft_n, draft_n_accepted } = lastObject(output, 'timings') ?? {};
  if (typeof draft_n === 'number' && typeof draft_n_accepted === 'number' && draft_n > 0) {
    return { drafted: draft_n, accepted: draft_n_accepted };
  }
  const accepted = last(output, /^.*\bn_accept\s*=\s*(\d+)/gm);
  if (!accepted) return null;
  const drafted = positive(last(output, /^.*\bn_drafted\s*=\s*(\d+)/gm)?.[1]);
  return { drafted: drafted ?? Number(accepted[1]), accepted: Number(accepted[1]) };
}

/**
 * How often the model's weights were gone over to generate `tokens`: each walk yields one token of its own and what it
 * takes of the draft. As for tokens, the first comes with the prompt.
 */
export function walksOf(tokens: number, { accepted }: Drafts): number {
  return Math.max(1, tokens - accepted);
}

/** A server that was asked to draft and cannot, as the draft model has another vocabulary, goes on without, and says so. */
export function cannotDraft(output: string): boolean {
  return /failed to initialize speculative decoding|speculative decoding (?:is )?not supported/i.test(output);
}

/**
 * Whether a program tells what it did for a request, and of no draft: llama.cpp writes a line of drafts after its figures where
 * there were any. One that exits may lose its last lines: only with the line that follows them (`slot release`) is it sure.
 */
export function toldWithoutDrafts(output: string): boolean {
  const figures = output.lastIndexOf('eval time =');
  return figures >= 0 && parseDrafts(output) === null && /\bstop processing\b/.test(output.slice(figures));
}

/** Options that name what to draft with; until there was `--spec-type` they made a llama.cpp program draft. */
const draftModels = new Set([
  ...['-md', '--model-draft', '-hfd', '-hfrd', '--hf-repo-draft', '--spec-draft-model', '--spec-draft-hf'],
  ...['-lcs', '--lookup-cache-static', '-lcd', '--lookup-cache-dynamic'],
]);

/** Options that make a program draft, whatever its age; the last are koboldcpp's and vLLM's. */
const draftOptions = new Set([
  ...['-mtp', '--mtp', '--draftmodel', '--speculative-config', '--speculative-model'],
]);

/**
 * Whether a command line asks for speculative decoding, by `known` options of its build, where there are any. Since 2026
 * llama.cpp's programs load a draft model and leave it alone without `--spec-type`.
 */
export function speculates(
  argv: readonly string[],
  known?: LlamaOptions,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  const types = argv.flatMap((arg, at) => {
    const [name, value = argv[at + 1] ?? ''] = arg.split('=');
    return name === '--spec-type' ? [value] : [];
  });
  const type = types.at(-1) ?? env.LLAMA_ARG_SPEC_TYPE;
  if (type?.split(',').some((each) => each !== 'none')) return true;
  const names = argv.map((arg) => arg.split('=')[0] as string);
  if (names.some((name) => draftOptions.has(name) || /^--spec-[\w-]*default$/.test(name))) return true;
  const needsType = known?.has('--spec-type') ?? type !== undefined;
  return !needsType && names.some((name) => draftModels.has(name));
}

import { availableParallelism } from 'node:os';
import type { WorkloadOptions } from './engine.js';
import { defaultPrompt, promptOfLength } from './prompt.js';

/** As in the experiment that blkscope grew from. */
const defaultTokens = 100;

/** Two runs generate the same. */
const defaultSeed = 1;

/** The options of every workload: what is not here is the program's own choice. */
export type Resolved = Required<
  Pick<WorkloadOptions, 'prompt' | 'tokens' | 'seed' | 'extraArgs' | 'mmap' | 'mlock' | 'repack'>
>;

/** What a workload is asked to do, with what stands for all that was left out: the one place that knows defaults. */
export type ResolvedWorkload = WorkloadOptions & Resolved;

/** Resolving again changes nothing: an engine may be given either. */
export function resolvedWorkload<Asked extends Partial<WorkloadOptions>>(asked: Asked): Asked & Resolved {
  const { prompt, promptTokens } = asked;
  return {
    ...asked,
    prompt: prompt ?? (promptTokens ? promptOfLength(promptTokens) : defaultPrompt),
    tokens: asked.tokens ?? defaultTokens,
    seed: asked.seed ?? defaultSeed,
    extraArgs: asked.extraArgs ?? [],
    mmap: asked.mmap ?? true,
    mlock: asked.mlock ?? false,
    repack: asked.repack ?? false,
  };
}

/** How many threads it will have where the choice is the program's: one a processor, more or less. */
export function threadsOf({ threads }: Pick<WorkloadOptions, 'threads'>): number {
  return threads ?? availableParallelism();
}

/** How many of them can compute at the same time. */
export function threadsAtOnce(options: Pick<WorkloadOptions, 'threads'>): number {
  return Math.min(threadsOf(options), availableParallelism());
}

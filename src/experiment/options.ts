import { resolve } from 'node:path';
import { noProgress, type Progress } from '../machine/progress.js';
import type { CacheState } from '../memory/cache-state.js';
import type { PressureRequest } from '../memory/pressure.js';
import { streamReadAheadKib } from '../pin/stream-plan.js';
import { fileInLayer } from '../process/overlay.js';
import { defaultRunPath } from '../run/run-folder.js';
import type { Engine, WorkloadOptions } from '../workload/engine.js';
import { promptOfLength } from '../workload/prompt.js';
import { type Resolved, resolvedWorkload } from '../workload/resolved.js';
import type { PinRequest } from './pin-model.js';
import type { TraceOptions } from './trace-options.js';

/** What the workload is asked to do; the experiment itself sees to its log, cgroup and marks. */
export type AskedOfWorkload = Omit<WorkloadOptions, 'model' | 'log' | 'signal' | 'onMark' | 'launch'>;

export interface ExperimentOptions extends TraceOptions {
  /** The GGUF file; of a split model any part. */
  model: string;
  /** llama.cpp's program, a folder of them, or `embedded`. Default: $LLAMA_CLI, PATH, then embedded. */
  llama?: string;
  workload?: AskedOfWorkload;
  /** Default: none. */
  pressure?: PressureRequest;
  /** Holds part of the model in the page cache during the run. Default: none of it. */
  pin?: PinRequest;
  /** Default: cold. */
  cache?: CacheState;
  /** Also drops the whole machine's page cache first. */
  dropCaches?: boolean;
  /** Readahead of the model's disk during the run, put back afterwards. Default: as it is. */
  readAheadKib?: number;
  /**
   * Shows what every token touches. Where that can be watched it is `touches`; elsewhere the run gets the smallest memory
   * that works, and no readahead, so that the trace shows it. Takes the place of `pressure` and `readAheadKib`.
   */
  profileTouches?: boolean;
  /**
   * Also watches what tokens use of the model, hits of the page cache included: the first three quarters of them. Figures
   * of speed come from the others. docs/touches.md has the method.
   */
  touches?: boolean;
  /** Tells what became of every byte read of the model: used, or read in vain. docs/account.md has the method. */
  account?: boolean;
  /** Mounts tracefs and debugfs for the run where they are not mounted. */
  mount?: boolean;
  /** The run folder. Default: runs/ and a name from the time and the model. */
  output?: string;
  progress?: Progress;
  /** Ends the run early: what was traced by then is kept, marked incomplete. */
  signal?: AbortSignal;
  /** Recorded in config.json. */
  commandLine?: readonly string[];
}

/** What an experiment is made by: the options, with what stands for those that were left out. */
export interface ResolvedOptions extends ExperimentOptions {
  workload: AskedOfWorkload & Resolved;
  pressure: PressureRequest;
  cache: CacheState;
  dropCaches: boolean;
  progress: Progress;
  output: string;
}

/** The one place that knows what stands for an option that was left out; all that follows takes what this gives. */
export function resolvedOptions(asked: ExperimentOptions): ResolvedOptions {
  const { pin } = asked;
  return {
    ...asked,
    model: fileInLayer(resolve(asked.model)),
    workload: resolvedWorkload(asked.workload ?? {}),
    pressure: asked.pressure ?? { mode: 'none' },
    ...(pin ? { pin: { ...pin, ...(pin.plan === undefined ? {} : { plan: resolve(pin.plan) }) } } : {}),
    // Beside a stream readahead would only take the memory that it needs.
    ...(pin?.stream ? { readAheadKib: asked.readAheadKib ?? streamReadAheadKib } : {}),
    cache: asked.cache ?? 'cold',
    dropCaches: asked.dropCaches ?? false,
    progress: asked.progress ?? noProgress,
    output: asked.output ?? defaultRunPath(asked.model),
  };
}

/** The options as config.json keeps them: what a later run needs to do the same. */
export function recorded(
  {
    progress: _,
    signal: __,
    commandLine: ___,
    watch: ____,
    workload: { prompt, ...workload },
    ...options
  }: ResolvedOptions,
  engine: Pick<Engine, 'name' | 'path'>,
): Record<string, unknown> {
  const { promptTokens } = workload;
  const followsFromLength = promptTokens !== undefined && prompt === promptOfLength(promptTokens);
  return {
    ...options,
    llama: options.llama ?? engine.path ?? engine.name,
    workload: { ...workload, ...(followsFromLength ? {} : { prompt }) },
  };
}

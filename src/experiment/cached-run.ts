import { readsLittle } from '../bound/compute-time.js';
import { growthOver } from '../bound/growth.js';
import { type WarmCompute, warmCompute } from '../bound/warm-compute.js';
import { phaseWindows } from '../figures/phases.js';
import type { Progress } from '../machine/progress.js';
import type { Steps } from '../machine/steps.js';
import type { CacheState } from '../memory/cache-state.js';
import { availableMemory } from '../memory/locked-memory.js';
import type { Model } from '../model/gguf.js';
import { touchedBytes } from '../model/uses.js';
import { native } from '../native/binding.js';
import type { Engine, WorkloadOptions } from '../workload/engine.js';
import type { Measurement } from './measure.js';

export interface CachedRunInput {
  engine: Engine;
  model: Model;
  workload: WorkloadOptions;
  measurement: Measurement;
  cache: CacheState;
  /** Another process reads for it: its own count of what it read tells nothing. */
  streamed: boolean;
  /** The folder that holds the runs. */
  runs: string;
}

/**
 * Runs the workload once more with everything cached, after the measured run, where that one cannot tell how long it
 * computes and memory allows. null: to be told from the run itself. The page cache is left warm, so it is
 * not done for a run that takes the cache as it is.
 */
export async function cachedRunCompute(
  { engine, model, workload, measurement, cache, streamed, runs }: CachedRunInput,
  steps: Steps,
  progress: Progress,
): Promise<WarmCompute | null> {
  const { outcome, sampler } = measurement;
  const generation = phaseWindows(outcome?.marks ?? [], outcome?.generation).find(
    ({ name }) => name === 'generation',
  );
  if (!generation?.tokens || outcome?.exitCode !== 0 || workload.signal?.aborted) return null;
  const read = growthOver(sampler.samples, 'workloadReadBytes', generation.fromNs, generation.toNs) ?? 0;
  const little = !streamed && read < readsLittle * touchedBytes(model).least * generation.tokens;
  if (little || cache === 'asIs') return null;
  const room = availableMemory() - native.safeRest();
  if (room < model.bytes + (outcome.rssAnonBytes ?? 0)) return null;
  try {
    return await steps.step('run a few tokens with everything cached, to measure the computation', () =>
      warmCompute({ engine, model, workload, folder: runs }),
    );
  } catch (error) {
    progress.warn(`${(error as Error).message}; the bound estimates the computation from the run itself`);
    return null;
  }
}

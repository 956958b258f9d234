import { phaseWindows } from '../figures/phases.js';
import { removeOwn } from '../files/write.js';
import { prepareCache } from '../memory/cache-state.js';
import type { Model } from '../model/gguf.js';
import type { Sample } from '../sample/sample.js';
import { Sampler } from '../sample/sampler.js';
import type { Engine, WorkloadOptions, WorkloadOutcome } from '../workload/engine.js';
import { threadsOf } from '../workload/resolved.js';
import { computeKey } from './bound-records.js';
import { growthOver } from './compute-time.js';
import { keptFigure } from './kept-figure.js';
import { shownTokenNs } from './token-time.js';

/** The first may still bring something in. */
const warmTokens = 12;

export interface WarmInput {
  engine: Engine;
  model: Model;
  /** As the measured run had them; without its memory cgroup. */
  workload: WorkloadOptions;
  /** The folder that holds the runs. */
  folder: string;
}

const validMs = 3_600_000;

/**
 * How long a token takes with everything cached, in ns: the model is read in and a few tokens are made without any limit.
 * Runs in one folder share it. null when the workload failed, or tells of no tokens.
 */
export function warmComputeNs({ engine, model, workload, folder }: WarmInput): Promise<number | null> {
  const paths = model.parts.map(({ path }) => path);
  return keptFigure(folder, `warm ${computeKey({ engine, model, workload })}`, validMs, async () => {
    await prepareCache('warm', paths);
    const log = `${workload.log}.probe`;
    const warm: WorkloadOptions = { ...workload, tokens: warmTokens, log, launch: {} };
    const running = await engine.start(warm);
    const sampler = new Sampler({ paths: [], everyMs: 50 });
    sampler.watch(running.pid);
    const outcome = await running.done.finally(() => sampler.stop());
    removeOwn(log);
    return outcome.exitCode === 0 ? quietTokenNs(outcome, sampler.samples, threadsOf(workload)) : null;
  });
}

/**
 * The time of a token without what others took of it: a run on a busy machine shows no computation that is slow. Never less
 * than the CPU time that it took of each thread.
 */
export function quietTokenNs(
  { marks, timings, generation }: Pick<WorkloadOutcome, 'marks' | 'timings' | 'generation'>,
  samples: readonly Sample[],
  threads: number,
): number | null {
  const shownNs = shownTokenNs(marks, timings.saidTokenNs);
  const window = phaseWindows(marks, generation).find(({ name }) => name === 'generation');
  if (shownNs === null || !window?.tokens) return shownNs;
  const { fromNs, toNs, tokens } = window;
  const perToken = (metric: string) =>
    Math.max(0, ((growthOver(samples, metric, fromNs, toNs) ?? 0) * 1e3) / tokens);
  const cpuNs = (perToken('workloadUserUs') + perToken('workloadSystemUs')) / threads;
  return Math.min(shownNs, Math.max(cpuNs, shownNs - perToken('workloadRunDelayUs')));
}

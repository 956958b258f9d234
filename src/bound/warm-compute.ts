import { phaseWindows } from '../figures/phases.js';
import { removeOwn } from '../files/write.js';
import { prepareCache } from '../memory/cache-state.js';
import type { Model } from '../model/gguf.js';
import type { Sample } from '../sample/sample.js';
import { Sampler } from '../sample/sampler.js';
import type { Engine, WorkloadOptions, WorkloadOutcome } from '../workload/engine.js';
import { threadsAtOnce } from '../workload/resolved.js';
import { computeKey } from './bound-records.js';
import { growthOver } from './growth.js';
import { heldUpNs } from './held-up.js';
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

/** How long a token takes with everything cached, in ns. */
export interface WarmCompute {
  ns: number;
  /** Nobody else took CPUs meanwhile: where somebody did, a token takes no longer than this and perhaps less. */
  quiet: boolean;
}

/**
 * The model is read in and a few tokens are made without any limit. Runs in one folder share what was measured on a quiet
 * machine. null when the workload failed, or tells of no tokens.
 */
export async function warmCompute({
  engine,
  model,
  workload,
  folder,
}: WarmInput): Promise<WarmCompute | null> {
  const paths = model.parts.map(({ path }) => path);
  let busy: WarmCompute | null = null;
  const ns = await keptFigure(
    folder,
    `warm ${computeKey({ engine, model, workload })}`,
    validMs,
    async () => {
      await prepareCache('warm', paths);
      const log = `${workload.log}.probe`;
      const warm: WorkloadOptions = { ...workload, tokens: warmTokens, log, launch: {} };
      const running = await engine.start(warm);
      const sampler = new Sampler({ paths: [], everyMs: 50 });
      sampler.watch(running.pid);
      const outcome = await running.done.finally(() => sampler.stop());
      removeOwn(log);
      const found =
        outcome.exitCode === 0 ? tokenCompute(outcome, sampler.samples, threadsAtOnce(workload)) : null;
      if (found?.quiet !== false) return found?.ns ?? null;
      busy = found;
      return null;
    },
  );
  return ns === null ? busy : { ns, quiet: true };
}

/** Of a token's time: below this others held up no more than repeats differ. */
export const quietShare = 0.05;

/**
 * The time of a token without what others took of it, as far as that can be told: threads that wait for one another burn
 * CPU time while others hold one of them up. Never less than the CPU time that a token took of each thread.
 */
export function tokenCompute(
  { marks, timings, generation }: Pick<WorkloadOutcome, 'marks' | 'timings' | 'generation'>,
  samples: readonly Sample[],
  atOnce: number,
): WarmCompute | null {
  const shownNs = shownTokenNs(marks, timings.saidTokenNs);
  const window = phaseWindows(marks, generation).find(({ name }) => name === 'generation');
  if (shownNs === null) return null;
  if (!window?.tokens) return { ns: shownNs, quiet: true };
  const { fromNs, toNs, tokens } = window;
  const perToken = (metric: string) =>
    Math.max(0, ((growthOver(samples, metric, fromNs, toNs) ?? 0) * 1e3) / tokens);
  const cpuNs = (perToken('workloadUserUs') + perToken('workloadSystemUs')) / atOnce;
  const delayNs = (heldUpNs(samples, fromNs, toNs) ?? 0) / tokens;
  return {
    ns: Math.min(shownNs, Math.max(cpuNs, shownNs - delayNs)),
    quiet: delayNs <= shownNs * quietShare,
  };
}

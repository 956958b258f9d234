import { removeOwn } from '../files/write.js';
import { prepareCache } from '../memory/cache-state.js';
import type { Model } from '../model/gguf.js';
import type { Engine, WorkloadOptions } from '../workload/engine.js';
import { computeKey } from './bound-records.js';
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
    const outcome = await running.done;
    removeOwn(log);
    return outcome.exitCode === 0 ? shownTokenNs(outcome.marks, outcome.timings.saidTokenNs) : null;
  });
}

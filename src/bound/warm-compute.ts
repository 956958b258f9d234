import { rmSync, statSync } from 'node:fs';
import { prepareCache } from '../memory/cache-state.js';
import type { Model } from '../model/gguf.js';
import type { Engine, WorkloadOptions, WorkloadOutcome } from '../workload/engine.js';
import { keptFigure } from './kept-figure.js';

/** Enough for a median; the first may still bring something in. */
const warmTokens = 8;

export interface WarmInput {
  engine: Engine;
  model: Model;
  /** As the measured run had them; without its memory cgroup. */
  workload: WorkloadOptions;
  /** The folder that holds the runs. */
  folder: string;
  /** What a token of the measured run took, reads and all: a kept figure above it was taken on a busy machine. */
  mostNs: number;
}

const validMs = 3_600_000;

/**
 * How long a token takes with everything cached, in ns: the model is read in and a few tokens are made without any limit.
 * Runs in one folder share it. null when the workload failed, or tells of no tokens.
 */
export function warmComputeNs({
  engine,
  model,
  workload,
  folder,
  mostNs,
}: WarmInput): Promise<number | null> {
  const paths = model.parts.map(({ path }) => path);
  const { log, signal: _, onMark: __, launch: ___, tokens: ____, ...asked } = workload;
  const files = paths.map((path) => [path, statSync(path).mtimeMs]);
  return keptFigure(
    folder,
    JSON.stringify({ engine: engine.path ?? engine.name, files, asked }),
    { validMs, holds: (ns) => ns <= mostNs },
    async () => {
      await prepareCache('warm', paths);
      const warm: WorkloadOptions = { ...workload, tokens: warmTokens, log: `${log}.probe`, launch: {} };
      const running = await engine.start(warm);
      const outcome = await running.done;
      rmSync(warm.log, { force: true });
      return outcome.exitCode === 0 ? tokenNs(outcome) : null;
    },
  );
}

function tokenNs({ marks, timings }: WorkloadOutcome): number | null {
  const times = marks.filter(({ kind }) => kind === 'token').map(({ time }) => Number(time));
  const spans = times.slice(2).map((time, i) => time - (times[i + 1] as number));
  const middle = spans.toSorted((a, b) => a - b)[spans.length >> 1];
  return middle ?? (timings.tokensPerSecond ? 1e9 / timings.tokensPerSecond : null);
}

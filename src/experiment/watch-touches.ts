import { BlkscopeError } from '../errors.js';
import { removeOwn } from '../files/write.js';
import type { Progress } from '../machine/progress.js';
import type { Steps } from '../machine/steps.js';
import type { Model } from '../model/gguf.js';
import type { SeenTouches } from '../touches/seen.js';
import { TouchWatch } from '../touches/touch-watch.js';
import type { Engine, WorkloadOutcome } from '../workload/engine.js';
import type { Resolved, ResolvedWorkload } from '../workload/resolved.js';

/** Of the tokens, those that are watched; the rest tell the speed. */
const watchedShare = 0.75;

/** The prompt's pass, and then those of the first tokens. */
export function profiledPasses({ tokens }: Pick<Resolved, 'tokens'>): number {
  return 1 + Math.ceil(Math.max(0, tokens - 1) * watchedShare);
}

/** Throws BlkscopeError BAD_ARGUMENT for what shows no touches, or no tokens. */
export function requireWatchable(engine: Engine, workload: Resolved): void {
  const refuse = (why: string) => {
    throw new BlkscopeError('BAD_ARGUMENT', `--touches ${why}; leave out one of the two`);
  };
  if (engine.drafts?.({ ...workload, log: '' }))
    refuse(
      'shows what each pass over the weights uses, but with speculative decoding a pass is not one token',
    );
  if (workload.mlock) refuse('makes pages fault again, which --mlock keeps from happening');
  if (workload.repack) refuse('shows what is used of the mapped file, of which --repack makes a copy');
  if (!workload.mmap) refuse('shows what is used of the mapped file, which is not mapped here');
}

/** What was seen; a workload that failed may not have come so far. Throws BlkscopeError NO_TOUCHES. */
export function seenBy(
  touches: TouchWatch,
  outcome: WorkloadOutcome | null,
  progress: Progress,
): SeenTouches | null {
  try {
    const seen = touches.stop();
    if (seen.lost > 0)
      progress.warn(
        `--touches: the kernel lost ${seen.lost} page faults: some uses are missing; the machine was too busy`,
      );
    return seen;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code === 'TOUCHES_CHANGED') progress.warn(`--touches: ${message}`);
    else if (outcome?.exitCode === 0) throw error;
    return null; // why it failed is what matters
  }
}

/** Whether a run of a token with this program shows its touches; why not is told as a warning. */
export async function canBeWatched(
  model: Model,
  engine: Engine,
  workload: ResolvedWorkload,
  steps: Steps,
  progress: Progress,
): Promise<boolean> {
  return await steps.step('see whether touches can be watched', async () => {
    const log = `${workload.log}.probe`;
    try {
      requireWatchable(engine, workload);
      const touches = new TouchWatch(model, 2);
      const options = { ...workload, tokens: 2, log };
      const running = await engine.start({ ...options, launch: touches.launchWith(workload.launch) });
      touches.attach(running.pid);
      const { exitCode } = await running.done;
      touches.stop();
      return exitCode === 0;
    } catch (error) {
      if (!(error instanceof BlkscopeError)) throw error;
      progress.warn(`${error.message}; the run gets the smallest memory that works instead`);
      return false;
    } finally {
      removeOwn(log);
    }
  });
}

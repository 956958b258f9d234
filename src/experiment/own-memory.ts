import { BlkscopeError } from '../errors.js';
import { removeOwn } from '../files/write.js';
import type { Engine, WorkloadOptions } from '../workload/engine.js';

/**
 * Anonymous memory of a workload by its first token, in bytes: it is run until then.
 *
 * Throws BlkscopeError NO_OWN_MEMORY when it ended before anything could be seen; why, the run itself will show.
 */
export async function ownMemory(engine: Engine, options: WorkloadOptions): Promise<number> {
  const log = `${options.log}.probe`;
  let stop = () => {};
  const running = await engine.start({
    ...options,
    tokens: 1,
    log,
    onMark: ({ kind }) => {
      if (kind === 'token') stop();
    },
  });
  stop = () => void running.stop();
  const { rssAnonBytes } = await running.done;
  removeOwn(log);
  if (rssAnonBytes !== null) return rssAnonBytes;
  throw new BlkscopeError(
    'NO_OWN_MEMORY',
    'the memory that the workload needs could not be measured, and --pin auto and --profile-touches depend on it; give a size or a limit',
    'workload',
  );
}

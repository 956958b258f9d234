import { BlkscopeError } from '../errors.js';

/** What to say of a run that `signal` ended; null when it did not. A signal's name may be the abort's reason. */
export function interruptionBy(signal: AbortSignal | undefined): BlkscopeError | null {
  if (!signal?.aborted) return null;
  if (signal.reason instanceof BlkscopeError) return signal.reason;
  return new BlkscopeError('INTERRUPTED', 'interrupted before the workload had ended', 'incomplete', {
    cause: signal.reason,
  });
}

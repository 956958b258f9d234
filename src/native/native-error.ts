import { BlkscopeError, type ExitKind } from '../errors.js';

/** Which exit code an error of the native core means; what is not listed is a usage error (bad path, bad value). */
const kinds: Record<string, ExitKind> = {
  EPERM: 'unsupported',
  EACCES: 'unsupported',
  ENOTTY: 'unsupported',
  ENOSYS: 'unsupported',
  NO_TRACEFS: 'unsupported',
  NO_DEBUGFS: 'unsupported',
  NO_BLK_TRACER: 'unsupported',
  NO_MAPPED_RING: 'unsupported',
  LOCKDOWN: 'unsupported',
  EBUSY: 'busy',
  TRACER_BUSY: 'busy',
  ENOMEM: 'busy',
  ENOSPC: 'busy',
  NOT_UNDONE: 'busy',
  NO_HEADROOM: 'busy',
  MEMLOCK_LIMIT: 'busy',
  NOT_LOCKED: 'busy',
  FILE_CHANGED: 'busy',
};

/** Gives an error from the addon its exit code; others pass through unchanged. */
export function asBlkscopeError(error: unknown): Error {
  if (error instanceof BlkscopeError || !(error instanceof Error)) return error as Error;
  const code = (error as NodeJS.ErrnoException).code;
  if (!code) return error;
  return new BlkscopeError(code, error.message, kinds[code] ?? 'usage', { cause: error });
}

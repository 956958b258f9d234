import { BlkscopeError } from '../errors.js';
import { withRealPaths } from '../files/partial.js';

const causes: readonly (readonly [RegExp, string, string])[] = [
  [/no space left/i, 'ENOSPC', 'the disk is full; free some space or name another place'],
  [/disk quota/i, 'EDQUOT', 'the disk quota is used up; free some space or name another place'],
  [/read-only file system/i, 'EROFS', 'the file system is read-only; name another place'],
  [/permission denied/i, 'EACCES', 'permission denied; name another place'],
  [/input\/output error/i, 'EIO', 'the disk fails; name another place'],
  [/broken pipe/i, 'EPIPE', 'what read it has ended'],
  [/could not set lock|conflicting lock/i, 'EBUSY', 'another program has it open for writing'],
];

/** Turns a failure of the database into one line for the user: what was done, to which file, why, what to do. */
export function storeError(error: unknown, doing: string): Error {
  if (error instanceof BlkscopeError || !(error instanceof Error)) return error as Error;
  const known = causes.find(([pattern]) => pattern.test(error.message));
  const first = withRealPaths(error.message.split('\n')[0] as string);
  const [, code, reason] = known ?? [null, 'STORE', first];
  const busy = ['ENOSPC', 'EDQUOT', 'EBUSY', 'EIO'].includes(code);
  return new BlkscopeError(code, `cannot ${withRealPaths(doing)}: ${reason}`, busy ? 'busy' : 'usage', {
    cause: error,
  });
}

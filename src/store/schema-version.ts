import { BlkscopeError } from '../errors.js';

/** Throws BlkscopeError: BAD_SCHEMA; SCHEMA_VERSION for what another version of blkscope wrote. */
export function refuseVersion(
  path: string,
  what: string,
  found: number,
  known: number,
  oldest = known,
): void {
  if (Number.isInteger(found) && found >= oldest && found <= known) return;
  if (!Number.isInteger(found) || found < 1) {
    throw new BlkscopeError(
      'BAD_SCHEMA',
      `${path}: it names no ${what} schema; it was changed or is damaged`,
    );
  }
  const way =
    found > known
      ? 'a newer blkscope wrote it: update blkscope'
      : 'an older blkscope wrote it: read or export it with that one, or make the run anew';
  throw new BlkscopeError(
    'SCHEMA_VERSION',
    `${path}: ${what} schema ${found}, this blkscope reads ${known}; ${way}`,
  );
}

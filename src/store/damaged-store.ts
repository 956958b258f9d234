import { BlkscopeError } from '../errors.js';

/** How DuckDB's errors of a damaged database begin, whichever table or block it finds it in, and however late. */
const ofDamage =
  /^(?:(?:IO|Serialization|INTERNAL|FATAL) Error: .*(?:corrupt|checksum|deserializ|database file|block))/is;

/** What DuckDB throws while it reads a trace.duckdb that was changed, told as that; any other error as it is. */
export function asDamagedStore(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof BlkscopeError || !ofDamage.test(error.message))
    return error;
  const [line = ''] = error.message.split('\n');
  const told = `a run's trace.duckdb was changed or is damaged; make the run or import it again (${line})`;
  return new BlkscopeError('BAD_SCHEMA', told, 'usage', { cause: error });
}

import { BlkscopeError } from '../errors.js';
import { openRun } from '../store/open-run.js';
import { type ExpertReads, expertKey } from './pin-plan.js';

/**
 * Bytes read from every expert in a run, whole, by its trace. A run under little memory and small readahead shows the
 * experts' use best: what stays in memory is not read again.
 *
 * Throws BlkscopeError NO_HEAT when the run has no model or no expert of it was read.
 */
export async function expertReads(runPath: string, modelBytes: number): Promise<ExpertReads> {
  await using run = await openRun(runPath);
  if (run.summary.model?.bytes !== modelBytes) {
    throw new BlkscopeError(
      'OTHER_MODEL',
      `--plan ${runPath}: that run read another model; take a run of this one, or leave --plan out`,
    );
  }
  const connection = await run.connect();
  try {
    const result = await connection.runAndReadAll(
      'SELECT layer, expert, sum(read_bytes)::DOUBLE FROM tensor_coverage WHERE expert IS NOT NULL GROUP BY ALL',
    );
    const rows = result.getRows() as [number, number, number][];
    const reads = new Map(
      rows.map(([layer, expert, bytes]) => [expertKey(Number(layer), Number(expert)), bytes]),
    );
    if ([...reads.values()].some((bytes) => bytes > 0)) return reads;
  } finally {
    connection.closeSync();
  }
  throw new BlkscopeError(
    'NO_HEAT',
    `--plan ${runPath}: no expert was read in that run: take one of this mixture-of-experts model with too little memory, or leave --plan out`,
  );
}

import { BlkscopeError } from '../errors.js';
import type { Region, RegionRole } from '../model/regions.js';
import type { Run } from '../store/open-run.js';
import { type Heat, heatOf, type Touch } from './heat.js';

/**
 * The heat of a run's model, from its stored touch map. Throws BlkscopeError NO_HEAT: the run has no model, or its
 * workload gave no marks for its tokens (llama-bench, any other command).
 */
export async function heat(run: Run): Promise<Heat> {
  const tokens = run.summary.phases?.generation?.tokens ?? 0;
  if (!run.summary.model?.tensors || tokens === 0) {
    throw new BlkscopeError(
      'NO_HEAT',
      `${run.path}: heat needs a run of a model whose tokens are known: make one with llama-cli, llama-completion or the embedded engine`,
    );
  }
  const connection = await run.connect();
  try {
    const regions = await connection.runAndReadAll(
      `SELECT file, "fileOffset"::DOUBLE, bytes::DOUBLE, name, layer, role, expert FROM tensor ORDER BY rowid`,
    );
    const files = run.summary.model.files;
    const places = regions.getRows().map(([file, offset, bytes, tensor, layer, role, expert]): Region => {
      const part = files.indexOf(file as string);
      return {
        ...{ part, offset: offset as number, bytes: bytes as number, tensor: tensor as string | null },
        ...{ layer: layer as number | null, role: role as RegionRole, expert: expert as number | null },
      };
    });
    const indexOf = new Map(places.map(({ part, offset }, i) => [`${files[part]}:${offset}`, i]));
    const rows = await connection.runAndReadAll(
      `SELECT token, file, "fileOffset"::DOUBLE, bytes::DOUBLE FROM touch WHERE phase = 'generation'`,
    );
    const touches = rows.getRows().map(([token, file, offset, bytes]): Touch => {
      return {
        token: token as number,
        region: indexOf.get(`${file}:${offset}`) as number,
        bytes: bytes as number,
      };
    });
    return heatOf(places, touches, tokens);
  } finally {
    connection.closeSync();
  }
}

import type { Touch } from '../figures/touch.js';
import type { Region } from '../model/regions.js';
import type { RegionRole } from '../model/roles.js';
import { storedSchema } from '../store/attached-run.js';
import type { Run } from '../store/open-run.js';

/** A run's stored touch map: what was read of each region of its model, by token and in the prompt. */
export interface RunTouches {
  /** In the model's order; `part` is an index of the summary's files. */
  regions: Region[];
  /** Of the generation, by token, counted from its first. */
  touches: Touch[];
  /** Indices of the regions that the prompt read of. */
  promptRegions: Set<number>;
  /** Names of the tensors that every token uses whole. */
  wholly: Set<string>;
  /** The touches are all that tokens used, in the order of the first use; otherwise what was read for them. */
  seen: boolean;
}

/**
 * Reads it from trace.duckdb. Throws BlkscopeError as Run.connect does.
 *
 * @example
 * const { regions, touches: read } = await touches(run);
 */
export async function runTouches(run: Run): Promise<RunTouches> {
  const files = run.summary.model?.files ?? [];
  const connection = await run.connect();
  try {
    const tensors = await connection.runAndReadAll(
      `SELECT file, "fileOffset"::DOUBLE, bytes::DOUBLE, name, stack, layer, role, expert, use
       FROM ${storedSchema}.tensor ORDER BY rowid`,
    );
    // Another model of the run has rows too.
    const own = tensors.getRows().filter(([file]) => files.includes(file as string));
    const regions = own.map(([file, offset, bytes, tensor, stack, layer, role, expert]): Region => {
      const part = files.indexOf(file as string);
      return {
        ...{
          part,
          offset: offset as number,
          bytes: bytes as number,
          tensor: tensor as string | null,
          stack: stack as string,
        },
        ...{ layer: layer as number | null, role: role as RegionRole, expert: expert as number | null },
      };
    });
    const indexOf = new Map(regions.map(({ part, offset }, i) => [`${files[part]}:${offset}`, i]));
    const seen = run.summary.touches != null;
    const rows = await connection.runAndReadAll(
      `SELECT phase, token, file, "fileOffset"::DOUBLE, bytes::DOUBLE FROM ${storedSchema}.touch
       WHERE phase IN ('prompt', 'generation') ${seen ? "AND source = 'faults'" : ''} ORDER BY rowid`,
    );
    const all = await connection.runAndReadAll('SELECT count(*)::INTEGER FROM token');
    const { marks } = run.summary.phases?.generation ?? {};
    // The tokens before came with the prompt.
    const first = Math.max(0, (all.getRows()[0]?.[0] as number) - (marks ?? 0));
    const touches: Touch[] = [];
    const promptRegions = new Set<number>();
    for (const [phase, token, file, offset, bytes] of rows.getRows()) {
      const region = indexOf.get(`${file}:${offset}`);
      if (region === undefined) continue;
      if (phase === 'prompt') promptRegions.add(region);
      // The last tokens of very many are told together.
      else if (token !== null)
        touches.push({ token: (token as number) - first, region, bytes: bytes as number });
    }
    const wholly = own.flatMap((row) => (row.at(-1) === 'whole' ? [row[3] as string] : []));
    return { regions, touches, promptRegions, wholly: new Set(wholly), seen };
  } finally {
    connection.closeSync();
  }
}

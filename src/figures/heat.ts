import { groupRegions, perKind } from '../model/region-groups.js';
import type { Region } from '../model/regions.js';
import { type ExpertUse, expertUse } from './expert-use.js';
import type { Touch } from './touch.js';

/** How often tokens read of something: `touchedIn` counts the tokens during which any byte of it was read. */
export interface HeatRow {
  name: string;
  bytes: number;
  readBytes: number;
  bytesPerToken: number;
  touchedIn: number;
  touched: 'every' | 'some' | 'never';
}

/** The heat of a model's regions over the generation of `tokens` tokens. Bytes, as read from the disk. */
export interface Heat {
  tokens: number;
  tensors: HeatRow[];
  layers: HeatRow[];
  roles: HeatRow[];
  experts: HeatRow[];
  /** Sizes of the regions (an expert's slice is one) that every token read of, some did, none did; to the model's bytes. */
  regionBytes: { every: number; some: number; never: number };
  /** Null for a model without experts, or when none was read. */
  expertUse: ExpertUse | null;
  /**
   * How much of what was used a trace can show: of the bytes that every token uses for sure (all but tables of rows, experts and
   * what other paths use), the share that was read for a token. What the page cache served is not in a trace, so
   * below 1 the heat of all else is a lower bound by about as much; above 1 memory was so short that bytes were read twice.
   */
  seenShare: number | null;
}

/**
 * Works out the heat. `touches` come in order of their tokens, twice, and hold a region at most once a token; `wholly` holds the names of the tensors that every token
 * uses all of.
 */
export function heatOf(
  regions: readonly Region[],
  touches: Iterable<Touch>,
  tokens: number,
  wholly: ReadonlySet<string>,
): Heat {
  const { groups, groupings } = groupRegions(regions);
  const readBytes = new Float64Array(groups.length);
  const touchedIn = new Uint32Array(groups.length);
  const lastToken = new Int32Array(groups.length).fill(-1);
  const regionTokens = new Uint32Array(regions.length);
  for (const { token, region, bytes } of touches) {
    regionTokens[region] = (regionTokens[region] as number) + 1;
    for (const grouping of groupings) {
      const group = grouping[region] as number;
      if (group >= groups.length) continue; // an expert's table knows only experts
      readBytes[group] = (readBytes[group] as number) + bytes;
      if (lastToken[group] !== token) touchedIn[group] = (touchedIn[group] as number) + 1;
      lastToken[group] = token;
    }
  }
  const rows = groups.map(({ kind, name, regions: members }, i) => {
    const row: HeatRow = {
      name,
      bytes: members.reduce((sum, region) => sum + (regions[region]?.bytes ?? 0), 0),
      readBytes: readBytes[i] as number,
      bytesPerToken: tokens === 0 ? 0 : (readBytes[i] as number) / tokens,
      touchedIn: touchedIn[i] as number,
      touched: howOften(touchedIn[i] as number, tokens),
    };
    return { kind, row };
  });
  const byKind = perKind((kind) => rows.filter((row) => row.kind === kind).map(({ row }) => row));
  const regionBytes = { every: 0, some: 0, never: 0 };
  regions.forEach(({ bytes }, i) => {
    regionBytes[howOften(regionTokens[i] as number, tokens)] += bytes;
  });
  return {
    ...{ tokens, ...byKind, regionBytes },
    expertUse: expertUse(regions, touches),
    seenShare: seenShare(
      byKind.tensors.filter(({ name }) => wholly.has(name)),
      tokens,
    ),
  };
}

function howOften(touchedIn: number, tokens: number): HeatRow['touched'] {
  if (touchedIn === 0) return 'never';
  return touchedIn === tokens ? 'every' : 'some';
}

function seenShare(dense: readonly HeatRow[], tokens: number): number | null {
  const bytes = dense.reduce((sum, row) => sum + row.bytes, 0);
  if (bytes === 0 || tokens === 0) return null;
  return dense.reduce((sum, row) => sum + row.bytesPerToken, 0) / bytes;
}

import { BlkscopeError } from '../errors.js';
import { type ExpertUses, expertKey } from '../model/expert-uses.js';
import type { Model } from '../model/gguf.js';
import type { Region } from '../model/regions.js';
import type { Run } from '../store/open-run.js';
import { shownTokens } from './run-heat.js';
import { runTouches } from './run-touches.js';
import { tokenExperts } from './token-experts.js';

/**
 * How many tokens used each expert, by a run's touch map. Where memory held experts, so that fewer reads than uses are
 * in the trace, those that it most likely held fill the gap; a run under `--profile-touches` needs no guess.
 *
 * Throws BlkscopeError: OTHER_MODEL; NO_HEAT when no token is known or no expert was read.
 */
async function expertUses(run: Run, model: Model): Promise<ExpertUses> {
  requireSameModel(run, model);
  const touches = await runTouches(run);
  const { byToken } = tokenExperts(touches, shownTokens(run), model.experts?.used ?? null, 'cached');
  const uses = countUses(touches.regions, byToken);
  if (uses.size > 0) return uses;
  throw new BlkscopeError(
    'NO_HEAT',
    `${run.path}: no expert was read in that run: name a run of this mixture of experts with too little memory, or leave the option out`,
  );
}

/** Throws BlkscopeError OTHER_MODEL for a run of another model, or of the file as it was before it changed its size. */
export function requireSameModel({ path, summary }: Run, model: Model): void {
  if (summary.model?.bytes === model.bytes) return;
  throw new BlkscopeError(
    'OTHER_MODEL',
    `${path}: that run is of another model; name a run of this model, or leave the option out`,
  );
}

/** Uses of experts by tokens that touched these regions (indices). */
export function countUses(
  regions: readonly Region[],
  byToken: readonly (readonly number[])[],
): Map<string, number> {
  const uses = new Map<string, number>();
  for (const index of byToken.flat()) {
    const { layer = null, expert = null } = regions[index] ?? {};
    if (expert === null) continue;
    const key = expertKey(layer, expert);
    uses.set(key, (uses.get(key) ?? 0) + 1);
  }
  return uses;
}

/** The same; null for a dense model, of which every token uses all. */
export async function expertUsesOf(run: Run, model: Model): Promise<ExpertUses | null> {
  requireSameModel(run, model);
  return model.experts ? await expertUses(run, model) : null;
}

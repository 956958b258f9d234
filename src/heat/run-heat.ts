import { BlkscopeError } from '../errors.js';
import { type Heat, heatOf } from '../figures/heat.js';
import type { Run } from '../store/open-run.js';
import { runTouches } from './run-touches.js';

/**
 * The heat of a run's model, from its stored touch map. Throws BlkscopeError NO_HEAT: the run has no model, or its
 * workload gave no marks for its tokens (llama-bench, any other command).
 *
 * @example
 * const { experts, expertUse } = await heat(run);
 */
export async function heat(run: Run): Promise<Heat> {
  const tokens = shownTokens(run);
  const { regions, touches, wholly } = await runTouches(run);
  return heatOf(regions, touches, tokens, wholly);
}

/**
 * Pieces that the run's generation is cut into by marks, one a token where each has its mark. Throws BlkscopeError NO_HEAT
 * when there is no model or no token is known.
 */
export function shownTokens(run: Run): number {
  const { marks, tokens: counted } = run.summary.phases?.generation ?? {};
  // Of a run that was watched, and of a very long one, only some tokens are known, and of those all.
  const tokens = run.summary.touches?.tokens ?? run.summary.model?.heat?.tokens ?? marks ?? counted ?? 0;
  if (run.summary.model?.tensors && tokens > 0) return tokens;
  throw new BlkscopeError(
    'NO_HEAT',
    `${run.path}: heat needs a run of a model whose tokens are known: make one with llama-cli, llama-completion or the embedded engine`,
  );
}

import type { Model } from '../model/gguf.js';
import type { TensorUse } from '../model/tensor-use.js';
import type { Run } from '../store/open-run.js';
import { requireSameModel } from './expert-uses.js';

/** Of a tensor that is used whole some pages may be shared with a neighbour, and not show. */
const wholeShare = 0.98;

/**
 * A model as a run's tokens were seen to use it: where that differs from what names and keys tell, the use of a tensor is what was
 * seen. A run that was not watched leaves the model as it is. Throws BlkscopeError OTHER_MODEL.
 */
export function modelAsSeen(model: Model, run: Run): Model {
  const differences = run.summary.touches?.differences ?? [];
  if (differences.length === 0) return model;
  requireSameModel(run, model);
  return {
    ...model,
    seenUses: new Map(
      differences.map(({ tensor, bytes, usedBytesPerToken: used }) => [tensor, useOf(used, bytes)]),
    ),
  };
}

function useOf(usedBytes: number, bytes: number): TensorUse {
  if (usedBytes === 0) return { kind: 'none', path: 'nothing' };
  if (usedBytes >= bytes * wholeShare) return { kind: 'whole' };
  return { kind: 'rows', of: bytes, least: usedBytes, most: usedBytes };
}

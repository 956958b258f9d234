import type { LockedMemory } from '../memory/locked-memory.js';
import type { HoldOptions } from '../memory/until-held.js';
import type { Model } from '../model/gguf.js';
import type { ByteSize, Sized } from '../options/sized.js';
import type { PinnedModel, PinOptions } from '../pin/pinned-model.js';
import type { PinPlan } from '../pin/plan.js';
import { asked } from './asked.js';

/**
 * Locks memory on all cores, so that nobody else can use it until it is closed. Needs root, or RLIMIT_MEMLOCK.
 *
 * @param size Bytes, or `'15G'`.
 * @throws BlkscopeError: BAD_ARGUMENT; NO_HEADROOM: it would starve the machine; MEMLOCK_LIMIT; ENOMEM; NOT_LOCKED. The signal's reason when
 * aborted. Nothing stays locked then.
 * @example
 * using memory = await holdMemory('4G');
 * await benchmark();
 */
export async function holdMemory(size: ByteSize, options: HoldOptions = {}): Promise<LockedMemory> {
  const bytes = await asked<number>('memorySize', size, 'holdMemory');
  const asks = await asked<HoldOptions>('holding', options, 'holdMemory');
  return (await import('../memory/locked-memory.js')).holdMemory(bytes, asks);
}

/**
 * Holds the best part of a model in the page cache, for any program that maps or reads it, until it is closed. Needs root, or
 * RLIMIT_MEMLOCK.
 *
 * @throws BlkscopeError: BAD_ARGUMENT; NO_HEADROOM: it would starve the machine; MEMLOCK_LIMIT; FILE_CHANGED; NO_HEAT: the plan's run shows no
 * touches; NOTHING_TO_PIN; what `readModel` throws. The signal's reason when aborted. Nothing stays locked then.
 * @example
 * const pinned = await pin('model.gguf', { budgetBytes: '2G' });
 * console.log(pinned.bytes, pinned.plan.savedShare);
 * await pinned.close();
 */
export async function pin(model: Model | string, options: Sized<PinOptions> = {}): Promise<PinnedModel> {
  const asks = await asked<PinOptions>('pinning', options, 'pin');
  return (await import('../pin/pinned-model.js')).pin(model, asks);
}

/**
 * What `pin` would hold, without holding it.
 *
 * @example
 * const { bytes, tensors } = await pinPlan(await readModel('model.gguf'), { budgetBytes: '2G' });
 */
export async function pinPlan(model: Model, options: Sized<PinOptions> = {}): Promise<PinPlan> {
  const asks = await asked<PinOptions>('pinning', options, 'pinPlan');
  return (await import('../pin/pinned-model.js')).pinPlan(model, asks);
}

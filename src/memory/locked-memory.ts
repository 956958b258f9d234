import { asBlkscopeError } from '../capture/native-error.js';
import { native } from '../native.js';
import { formatSize } from './size.js';

/** Memory that nobody else can use until it is released. */
export interface LockedMemory {
  readonly bytes: number;
  release(): void;
}

export interface HoldOptions {
  onProgress?: (text: string) => void;
  signal?: AbortSignal;
}

const progressMs = 200;

/**
 * Locks memory on all cores. Throws BlkscopeError: NO_HEADROOM (it would starve the machine), MEMLOCK_LIMIT, ENOMEM;
 * the signal's reason when aborted, nothing stays locked then.
 */
export async function holdMemory(
  bytes: number,
  { onProgress, signal }: HoldOptions = {},
): Promise<LockedMemory> {
  signal?.throwIfAborted();
  const locking = native.lockMemory(bytes);
  const cancel = () => locking.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  const show = setInterval(
    () => onProgress?.(`${formatSize(locking.lockedBytes())} of ${formatSize(bytes)} locked`),
    progressMs,
  );
  try {
    return await locking.done;
  } catch (error) {
    signal?.throwIfAborted();
    throw asBlkscopeError(error);
  } finally {
    clearInterval(show);
    signal?.removeEventListener('abort', cancel);
  }
}

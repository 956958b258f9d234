import type { NativeHolding } from '../native/memory.js';
import { onAbort } from '../process/on-abort.js';

/** How one waits for memory, or for files in it, to be locked. */
export interface HoldOptions {
  /** Told how far it is, a few times a second: `3.2 GiB of 15.0 GiB locked`. */
  onProgress?: (text: string) => void;
  /** Ends the locking; nothing stays locked then. What is locked already stays so. */
  signal?: AbortSignal;
}

const progressMs = 200;

/** What was locked, once it is. Tells now and then how far it is, and ends it when the signal aborts: it then throws ABORTED. */
export async function untilHeld<Held>(
  locking: NativeHolding<Held>,
  told: (lockedBytes: number) => string,
  { onProgress, signal }: HoldOptions,
): Promise<Held> {
  using _ = onAbort(signal, () => locking.cancel());
  const show = setInterval(() => onProgress?.(told(locking.lockedBytes())), progressMs);
  try {
    return await locking.done;
  } finally {
    clearInterval(show);
  }
}

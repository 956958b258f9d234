import { readFileSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';
import type { NativeLockedRegion } from '../native/memory.js';
import { asBlkscopeError } from '../native/native-error.js';
import { statusBytes } from '../process/process-memory.js';
import { formatSize } from './size.js';
import { type HoldOptions, untilHeld } from './until-held.js';

/**
 * Memory that nobody else can use until it is closed, or the process ends.
 *
 * @example
 * using memory = await holdMemory('4G');
 */
export class LockedMemory implements AsyncDisposable, Disposable {
  readonly #region: NativeLockedRegion;
  /** Locked, in whole pages. */
  readonly bytes: number;

  /** @internal */
  constructor(region: NativeLockedRegion) {
    this.#region = region;
    this.bytes = region.bytes;
  }

  /** Gives the memory back. Does nothing the second time. */
  close(): void {
    this.#region.release();
  }

  /** `using`: see `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** `await using`: see `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/**
 * Bytes that can be had without swapping.
 *
 * @example
 * const half = availableMemory() / 2;
 */
export function availableMemory(): number {
  return native.memoryAvailable();
}

/**
 * Locks memory on all cores. Throws BlkscopeError: NO_HEADROOM (it would starve the machine), MEMLOCK_LIMIT, ENOMEM;
 * the signal's reason when aborted, nothing stays locked then.
 */
export async function holdMemory(bytes: number, options: HoldOptions = {}): Promise<LockedMemory> {
  const { signal } = options;
  signal?.throwIfAborted();
  try {
    const told = (locked: number) => `${formatSize(locked)} of ${formatSize(bytes)} locked`;
    const memory = new LockedMemory(await untilHeld(native.lockMemory(bytes), told, options));
    requireLocked(memory);
    return memory;
  } catch (error) {
    signal?.throwIfAborted();
    throw asBlkscopeError(error);
  }
}

/** What the kernel itself says of this process: a lock that it does not count would press on nobody. */
function requireLocked(memory: LockedMemory): void {
  const counted = statusBytes(readFileSync('/proc/self/status', 'utf8'), 'VmLck');
  if (counted >= memory.bytes) return;
  memory.close();
  throw new BlkscopeError(
    'NOT_LOCKED',
    `only ${formatSize(counted)} of ${formatSize(memory.bytes)} are locked by the kernel's count (VmLck); use --limit`,
    'unsupported',
  );
}

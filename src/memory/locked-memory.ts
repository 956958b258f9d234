import { readFileSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';
import { asBlkscopeError } from '../native/native-error.js';
import { statusBytes } from '../process/process-memory.js';
import { formatSize } from './size.js';
import { type HoldOptions, untilHeld } from './until-held.js';

/** Memory that nobody else can use until it is released. */
export interface LockedMemory {
  readonly bytes: number;
  release(): void;
}

/** Bytes that can be had without swapping. */
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
    const memory = await untilHeld(native.lockMemory(bytes), told, options);
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
  memory.release();
  throw new BlkscopeError(
    'NOT_LOCKED',
    `only ${formatSize(counted)} of ${formatSize(memory.bytes)} are locked by the kernel's count (VmLck); use --limit`,
    'unsupported',
  );
}

import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';
import type { NativeChanges } from '../native/changes.js';
import { MemoryCgroup, requireLimit } from './cgroup.js';
import { holdMemory, type LockedMemory } from './locked-memory.js';
import { formatSize } from './size.js';

/**
 * How memory is made short for a workload:
 *
 * - `lock`: so many bytes are locked, nobody on the machine can use them;
 * - `leave`: as much is locked as leaves so many bytes available;
 * - `limit`: the workload alone, its page cache included, is kept under so many bytes by a memory cgroup.
 */
export type PressureRequest = { mode: 'none' } | { mode: 'lock' | 'leave' | 'limit'; bytes: number };

/** Pressure that is on. */
export interface Pressure {
  readonly mode: PressureRequest['mode'];
  readonly lockedBytes: number;
  /** The workload's cgroup; null when the pressure is another. */
  readonly cgroup: MemoryCgroup | null;
  /** Lets go of the locked memory; the cgroup goes with the changes it was made through. */
  release(): void;
}

export interface PressureOptions {
  /** Where the cgroup is written down before it is made. */
  changes: NativeChanges;
  availableBytes: number;
  onProgress?: (text: string) => void;
  signal?: AbortSignal;
}

/**
 * Refuses what cannot be set, before anything is done: the same complaints as applyPressure's, by what is available now.
 *
 * Throws BlkscopeError.
 */
export function requirePressure(request: PressureRequest, availableBytes: number): void {
  if (request.mode === 'none') return;
  if (request.mode === 'limit') {
    requireLimit(request.bytes);
    return;
  }
  const bytes = request.mode === 'lock' ? request.bytes : bytesToLeave(request.bytes, availableBytes);
  requireHeadroom(bytes, availableBytes, native.safeRest());
}

function requireHeadroom(bytes: number, available: number, rest: number): void {
  const most = Math.max(0, available - rest);
  if (bytes <= most) return;
  throw new BlkscopeError(
    'NO_HEADROOM',
    `locking ${formatSize(bytes)} would leave less than ${formatSize(rest)} of the ${formatSize(available)} available; ask for ${formatSize(most)} at most`,
    'busy',
  );
}

export const noPressure: Pressure = { mode: 'none', lockedBytes: 0, cgroup: null, release: () => {} };

/** Sets the pressure. Throws BlkscopeError: too little memory for it, no memory cgroup, RLIMIT_MEMLOCK. */
export async function applyPressure(
  request: Exclude<PressureRequest, { mode: 'none' }>,
  options: PressureOptions,
): Promise<Pressure> {
  if (request.mode === 'limit')
    return pressure('limit', null, MemoryCgroup.create(options.changes, request.bytes));
  const bytes = request.mode === 'lock' ? request.bytes : bytesToLeave(request.bytes, options.availableBytes);
  return pressure(request.mode, await holdMemory(bytes, options), null);
}

function bytesToLeave(rest: number, available: number): number {
  if (rest < available) return available - rest;
  throw new BlkscopeError(
    'NO_HEADROOM',
    `--leave: only ${formatSize(available)} are available, so ${formatSize(rest)} cannot be left; free memory or ask for less`,
    'busy',
  );
}

function pressure(
  mode: Pressure['mode'],
  locked: LockedMemory | null,
  cgroup: MemoryCgroup | null,
): Pressure {
  return { mode, lockedBytes: locked?.bytes ?? 0, cgroup, release: () => locked?.close() };
}

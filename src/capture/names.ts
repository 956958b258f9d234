import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * What can happen to an I/O, in blkparse's words; see docs/metrics.md. A batch's column `action` holds places in this list.
 *
 * @example
 * const action = actionNames[batch.action[0]]; // 'complete'
 */
export const actionNames = [
  'queue',
  'getrq',
  'insert',
  'issue',
  'complete',
  'backMerge',
  'frontMerge',
  'split',
  'remap',
  'requeue',
  'plug',
  'unplug',
  'unplugTimer',
  'bounce',
  'sleepRq',
  'driverData',
  'abort',
  'notify',
  'other',
] as const;

/** What happened to an I/O. */
export type Action = (typeof actionNames)[number];

/**
 * Which way an I/O goes. A batch's column `direction` holds places in this list.
 *
 * @example
 * const isRead = directionNames[batch.direction[0]] === 'read';
 */
export const directionNames = ['none', 'read', 'write', 'discard', 'flush'] as const;

/** Which way an I/O goes. */
export type Direction = (typeof directionNames)[number];

/**
 * This machine's name of a device by its number (major << 20 | minor), as events have it: `vda`. `254:0` for one that
 * is not here, as in a trace of another machine.
 *
 * @example
 * deviceName(event.device); // 'nvme0n1'
 */
export function deviceName(number: number): string {
  const text = numberText(number);
  try {
    return basename(readlinkSync(`/sys/dev/block/${text}`));
  } catch {
    return text;
  }
}

/** A device's number as MAJOR:MINOR. */
export function numberText(number: number): string {
  return `${number >>> 20}:${number & 0xfffff}`;
}

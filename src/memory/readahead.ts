import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import type { NativeChanges } from '../native/changes.js';

/** Where the kernel shows the queue of a disk or partition. A partition has none of its own; its disk's is next to it. */
export function queueFolder(device: string): string {
  const folder = `/sys/class/block/${device}`;
  return existsSync(`${folder}/partition`) ? `${folder}/../queue` : `${folder}/queue`;
}

function settingPath(device: string): string {
  return `${queueFolder(device)}/read_ahead_kb`;
}

/** The readahead in KiB of a disk or partition. */
export function readAheadKib(device: string): number {
  try {
    return Number(readFileSync(settingPath(device), 'utf8'));
  } catch (cause) {
    throw new BlkscopeError('NO_DEVICE', `${device}: no such disk: cannot read its readahead`, 'usage', {
      cause,
    });
  }
}

/** Throws BlkscopeError BAD_READAHEAD for what no disk takes. */
export function requireReadAhead(kib: number): void {
  if (Number.isInteger(kib) && kib >= 0 && kib <= mostReadAheadKib) return;
  throw new BlkscopeError(
    'BAD_READAHEAD',
    `--readahead: '${kib}' is not a number of KiB from 0 to ${mostReadAheadKib}`,
  );
}

/** The kernel's setting is a number of 32 bits. */
const mostReadAheadKib = 2 ** 32 - 1;

/** Sets a device's readahead in KiB, written down in `changes` first, whose undo puts the old one back. */
export function setReadAhead(changes: NativeChanges, device: string, kib: number): void {
  requireReadAhead(kib);
  changes.writeSetting(realpathSync(settingPath(device)), String(kib)); // the journal takes no way through `..`
}

import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';
import type { NativeDiskSpeed } from '../native/memory.js';
import { asBlkscopeError } from '../native/native-error.js';
import { keptFigure } from './kept-figure.js';

/** A probe takes a third of a second, and a shared disk is another one minutes later. */
const validMs = 300_000;

/** What a disk reads, bytes a second; see native/files/disk_speed.h. */
export type DiskSpeed = NativeDiskSpeed;

/**
 * The disk's speed as measured on this file, past the page cache; runs in one folder share it. null where the file system
 * cannot read past its cache.
 */
export function measuredDiskSpeed(path: string, disk: string, folder: string): Promise<DiskSpeed | null> {
  return keptFigure(folder, `disk ${disk}`, validMs, async () => {
    try {
      return await native.diskSpeed(path);
    } catch (error) {
      const known = asBlkscopeError(error);
      if (known instanceof BlkscopeError && known.code === 'NO_DIRECT_IO') return null;
      throw known;
    }
  });
}

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asBlkscopeError } from '../capture/native-error.js';
import { BlkscopeError } from '../errors.js';
import { native } from '../native.js';

/** What a disk reads, bytes a second, and when that was measured (ISO 8601). */
export interface DiskSpeed {
  /** 1 MiB reads one after another, several in flight. */
  sequential: number;
  /** 128 KiB reads at random places, one at a time. */
  random: number;
  measuredAt: string;
}

/** A virtual disk's speed moves with its neighbours: older figures are measured again. */
const validMs = 3_600_000;

/**
 * The disk's speed as measured on this file, past the page cache. Runs that share a folder share the figures of a disk,
 * kept there as `.disk-NAME.json`. null where the file system cannot read past its cache.
 */
export async function measuredDiskSpeed(
  path: string,
  disk: string,
  folder: string,
): Promise<DiskSpeed | null> {
  const kept = join(folder, `.disk-${disk.replaceAll('/', '!')}.json`);
  const known = keptSpeed(kept);
  if (known) return known;
  try {
    const speed: DiskSpeed = { ...(await native.diskSpeed(path)), measuredAt: new Date().toISOString() };
    writeFileSync(kept, `${JSON.stringify(speed, null, 2)}\n`);
    return speed;
  } catch (error) {
    const known = asBlkscopeError(error);
    if (known instanceof BlkscopeError && known.code === 'NO_DIRECT_IO') return null;
    throw known;
  }
}

function keptSpeed(path: string): DiskSpeed | null {
  if (!existsSync(path)) return null;
  try {
    const speed = JSON.parse(readFileSync(path, 'utf8')) as DiskSpeed;
    const fresh = Date.now() - Date.parse(speed.measuredAt) < validMs;
    return fresh && speed.sequential > 0 && speed.random > 0 ? speed : null;
  } catch {
    return null; // damaged: measured anew
  }
}

import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Names that Hugging Face's cache gives a file: blobs/HASH, and snapshots/REVISION/NAME with a link to each blob. */
export function namesInCache(path: string): string[] {
  try {
    const blob = realpathSync(path);
    const snapshots = join(dirname(dirname(blob)), 'snapshots');
    return readdirSync(snapshots, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((link) => basename(readlinkSync(link)) === basename(blob));
  } catch {
    return [];
  }
}

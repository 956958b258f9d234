import { type BigIntStats, lstatSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { append } from '../extremes.js';
import { type Mount, mountOf, mountsOf } from './mounts-seen.js';

// overlayfs shows the files of several folders, its layers, as one tree. A file that is read through it is one of a layer's, and
// that one lies on a disk.

/** Of a file on overlayfs the same file in its layer, where that is seen from here; else the path itself. */
export function fileInLayer(path: string): string {
  return hasNoDisk(path)
    ? (layerFile(realpathSync(path), statSync(path, { bigint: true }), mountsOf('self')) ?? path)
    : path;
}

/** Whether its file system is on no device of its own, as overlayfs, so that it is worth a look at the mounts. */
function hasNoDisk(path: string): boolean {
  try {
    const { dev } = statSync(path);
    return Math.floor(dev / 256) % 4096 === 0;
  } catch {
    return false;
  }
}

/** The file that `mounts` show at `path` as it lies in a layer of overlayfs; null: it lies in none, or none is seen from here. */
export function layerFile(path: string, file: BigIntStats, mounts: readonly Mount[]): string | null {
  const found = mountOf(path, mounts);
  if (found?.mount.fileSystem !== 'overlay') return null;
  for (const layer of layersOf(found.mount)) {
    const candidate = join(layer, found.inside);
    const there = lstatSync(candidate, { bigint: true, throwIfNoEntry: false });
    // A layer above may hold what is told of the file alone, and not its content.
    if (
      there?.isFile() &&
      there.size === file.size &&
      there.mtimeNs === file.mtimeNs &&
      there.blocks === file.blocks
    )
      return candidate;
  }
  return null;
}

/** Upper first, as they hide each other. Container engines name those below from their own folder. */
function layersOf({ options }: Mount): string[] {
  const layers = { upper: [] as string[], lower: [] as string[] };
  for (const option of split(options, ',')) {
    const [, name = '', value = ''] = /^(upperdir|lowerdir\+?|datadir\+)=(.*)$/s.exec(option) ?? [];
    if (name === 'upperdir') layers.upper.push(plain(value));
    else if (name !== '') append(layers.lower, split(value, ':').map(plain));
  }
  const bases = [...foldersAbove(layers.upper.find(isAbsolute)), ...ofEngines];
  const places = (layer: string) => (isAbsolute(layer) ? [layer] : bases.map((base) => join(base, layer)));
  return [...layers.upper, ...layers.lower].flatMap(places);
}

const ofEngines = [
  '/var/lib/docker/overlay2',
  '/var/lib/containers/storage/overlay',
  '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots',
];

function foldersAbove(path: string | undefined): string[] {
  const above: string[] = [];
  for (let folder = dirname(path ?? '/'); folder !== '/'; folder = dirname(folder)) above.push(folder);
  return above;
}

/** At each `separator` that no backslash stands before. */
function split(text: string, separator: string): string[] {
  return text.match(new RegExp(`(?:\\\\.|[^\\\\${separator}])+`, 'gs')) ?? [];
}

function plain(text: string): string {
  return text.replace(/\\(.)/gs, '$1');
}

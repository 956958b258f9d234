import { realpathSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';
import { asBlkscopeError } from '../native/native-error.js';
import type { NativeExtents } from '../native/trace.js';
import { distinctFiles } from '../process/file-identity.js';
import { fileInLayer } from '../process/overlay.js';

/** A file whose coverage is counted, and where it lies. */
export interface TracedFile {
  path: string;
  extents: NativeExtents;
  /** Kernel name of the file system's device: a partition, a disk, a device mapper's. */
  device: string;
  fileSystem: string;
}

/** Files that lie on one disk. */
export interface TracedFiles {
  files: TracedFile[];
  paths: string[];
  extents: NativeExtents[];
  /** Kernel name of the whole disk: what is traced, and whose queue has the readahead. */
  disk: string;
}

/**
 * Finds the files on their disk, each once, however often and by whichever links it is named. Throws BlkscopeError: not
 * there, no extents to be had (with the reason), or the files lie on several disks.
 */
export function locateFiles(paths: readonly string[]): TracedFiles {
  return locateEach(distinctFiles(paths));
}

/** The same with an entry for each name. */
export function locateEach(paths: readonly string[]): TracedFiles {
  try {
    const located = paths.map(locate);
    const disk = located[0]?.disk as string;
    const elsewhere = located.find((file) => file.disk !== disk);
    if (elsewhere) {
      throw new BlkscopeError(
        'SEVERAL_DISKS',
        `${elsewhere.file.path} lies on ${elsewhere.disk}, ${located[0]?.file.path} on ${disk}: put them on one disk`,
      );
    }
    const files = located.map(({ file }) => file);
    return {
      files,
      paths: files.map(({ path }) => path),
      extents: files.map(({ extents }) => extents),
      disk,
    };
  } catch (error) {
    throw asBlkscopeError(error);
  }
}

function locate(named: string): { file: TracedFile; disk: string } {
  const path = fileInLayer(named);
  const { name, disk, fileSystem } = native.fileDevice(path);
  const extents = native.fileExtents(path);
  return { file: { path: realpathSync(path), extents, device: name, fileSystem }, disk };
}

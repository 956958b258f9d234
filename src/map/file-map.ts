import { realpathSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { greatest } from '../extremes.js';
import { readModel } from '../model/gguf.js';
import { type RegionRole, tensorPlace } from '../model/roles.js';
import type { TensorUse } from '../model/tensor-use.js';
import { tensorUses } from '../model/uses.js';
import { native } from '../native/binding.js';
import { asBlkscopeError } from '../native/native-error.js';
import { fileInLayer } from '../process/overlay.js';

/** A part of a file that lies in one piece. Offsets and lengths in bytes; sectors of 512 bytes of the whole disk. */
export interface MappedExtent {
  fileOffset: number;
  bytes: number;
  sector: number;
}

/** A tensor and where it lies: its first sector, and in how many extents. */
export interface MappedTensor {
  name: string;
  /** By ggml's name. */
  type: string;
  role: RegionRole;
  /** What a token uses of it. */
  use: TensorUse['kind'];
  fileOffset: number;
  bytes: number;
  /** null: a hole. */
  sector: number | null;
  extents: number;
}

/** Where a file lies on its disk. */
export interface FileMap {
  path: string;
  bytes: number;
  device: string;
  disk: string;
  /** First sector of the file system's device on the disk; `filefrag` counts from there. */
  startSector: number;
  fileSystem: string;
  /** In file order. */
  extents: MappedExtent[];
  /** Runs of extents that continue each other on the disk: what a reader from front to back sees. 1 is best. */
  fragments: number;
  /** How many of the fragments lie before the one that precedes them in the file. */
  backward: number;
  largestFragment: number;
  /** null: not a GGUF model. */
  tensors: MappedTensor[] | null;
  /** What else is to be known of the model, a line each. */
  notes: string[];
}

/**
 * Throws BlkscopeError: ENOENT, EACCES, NO_EXTENTS (with the file system's reason), and of damaged models.
 *
 * @example
 * const { disk, fragments, extents } = await mapFile('model.gguf');
 */
export async function mapFile(path: string): Promise<FileMap> {
  const { bytes, extents, ...device } = layOut(path);
  const starts = extents.flatMap((extent, i) => (continues(extents[i - 1], extent) ? [] : [i]));
  const sizes = starts.map((start, i) => sumOfBytes(extents.slice(start, starts[i + 1])));
  return {
    path: realpathSync(path),
    bytes,
    ...device,
    extents,
    fragments: starts.length,
    backward: starts.filter(
      (i) => i > 0 && (extents[i] as MappedExtent).sector < (extents[i - 1] as MappedExtent).sector,
    ).length,
    largestFragment: Math.max(0, greatest(sizes)),
    ...(await tensorsOf(path, extents)),
  };
}

function layOut(named: string) {
  try {
    const path = fileInLayer(named);
    const { name, disk, startSector, fileSystem } = native.fileDevice(path);
    const { bytes, fileOffsets, sectors, sectorCounts } = native.fileExtents(path);
    const extents = Array.from(sectors, (sector, i) => ({
      fileOffset: Number(fileOffsets[i]),
      bytes: Number(sectorCounts[i]) * 512,
      sector: Number(sector),
    }));
    return { bytes, device: name, disk, startSector: Number(startSector), fileSystem, extents };
  } catch (error) {
    throw asBlkscopeError(error);
  }
}

function continues(before: MappedExtent | undefined, { fileOffset, sector }: MappedExtent): boolean {
  if (!before) return false;
  return before.fileOffset + before.bytes === fileOffset && before.sector + before.bytes / 512 === sector;
}

function sumOfBytes(extents: readonly MappedExtent[]): number {
  return extents.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function tensorsOf(
  path: string,
  extents: readonly MappedExtent[],
): Promise<Pick<FileMap, 'tensors' | 'notes'>> {
  try {
    const model = await readModel(path);
    const part = model.parts.findIndex((each) => realpathSync(each.path) === realpathSync(path));
    const uses = tensorUses(model);
    const tensors = model.tensors
      .filter((tensor) => tensor.part === part)
      .map(({ name, as: by, type, offset, bytes }) => ({
        name,
        type,
        role: tensorPlace(by ?? name).role,
        use: uses.get(name)?.kind ?? 'unknown',
        fileOffset: offset,
        bytes,
        ...place(offset, bytes, extents),
      }));
    return { tensors, notes: model.notes };
  } catch (error) {
    if (error instanceof BlkscopeError && error.code === 'NOT_GGUF') return { tensors: null, notes: [] };
    throw error;
  }
}

/** Where the bytes from `offset` on lie; extents are in file order. */
function place(
  offset: number,
  bytes: number,
  extents: readonly MappedExtent[],
): Pick<MappedTensor, 'sector' | 'extents'> {
  const from = countUntil(extents, (each) => each.fileOffset + each.bytes <= offset);
  const to = countUntil(extents, (each) => each.fileOffset < offset + bytes);
  const first = extents[from];
  const into = first && from < to ? offset - first.fileOffset : -1;
  return {
    sector: first && into >= 0 ? first.sector + Math.floor(into / 512) : null,
    extents: to - from,
  };
}

/** Of a list at whose beginning something holds, and further on no more: for how many it does. */
function countUntil<T>(list: readonly T[], holds: (each: T) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}

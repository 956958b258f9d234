import type { NativeExtents } from './trace.js';

export interface NativeAccessMapOptions {
  files: NativeExtents[];
  /** ns; reads outside go to the first or last time. */
  startNs: bigint;
  endNs: bigint;
  /** How finely time and place are divided at most; 65,536 and 16,384 are the largest numbers. */
  times: number;
  places: number;
  /** Of each order: while it has more cells than these, its times are halved, and its places where there are enough of them. At least 1. */
  mostCells: number;
}

/**
 * What was read when and where. A row for each cell in which anything was, by time, then place: `cell` is
 * time x places + place. Sectors of 512 bytes by whether they were read for the first time, the second, or again; a read counts where
 * it begins.
 */
export interface AccessGrid {
  times: number;
  places: number;
  /** What all places are together. */
  sectors: number;
  cell: Uint32Array;
  first: Uint32Array;
  second: Uint32Array;
  later: Uint32Array;
  reads: Uint32Array;
}

export interface NativeAccess {
  /** Places in the files, one behind the other. */
  byFile: AccessGrid;
  /** Places on the disk: the extents by their sectors, with nothing between them. */
  byDisk: AccessGrid;
  /** How exactly it is known how often a sector was read. */
  unitSectors: number;
  /** By how often: the sectors that were read so many times, 0 included. */
  timesRead: Float64Array;
  timesReadSectors: Float64Array;
}

export interface NativeAccessMap {
  /** Completed reads in order of time, as columns: ns, sectors. */
  add(time: BigUint64Array, sector: BigUint64Array, sectors: Uint32Array): void;
  /** Once, after the last read. */
  finish(): NativeAccess;
}

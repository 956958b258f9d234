import type { NativeBatch, NativeExtents } from './trace.js';

/** A set of sectors; see SectorSet of the API. */
export interface NativeSectorSet {
  insert(start: bigint, count: bigint | number): void;
  insertMany(starts: BigUint64Array, counts: Uint32Array): void;
  intersect(start: bigint, count: bigint | number): bigint;
  intervals(): { starts: BigUint64Array; counts: BigUint64Array };
  union(other: NativeSectorSet): NativeSectorSet;
  difference(other: NativeSectorSet): NativeSectorSet;
  clear(): void;
  readonly size: bigint;
  readonly memoryBytes: number;
  readonly complete: boolean;
}

export interface NativeRegionReadsOptions {
  files: NativeExtents[];
  /** The kernel's number of the disk that the extents are on. */
  device: number;
  /** Sorted by file (an index into files) and offset, without overlaps; bytes. */
  regions: { files: Uint32Array; offsets: BigUint64Array; bytes: BigUint64Array };
  /** Each gives every region a group's number, or 0xffffffff for none; numbers are dense over all groupings. */
  groupings: Uint32Array[];
  /** ns, ascending: slot i of `touches` lasts from boundary i to the next. */
  boundaries: BigUint64Array;
  /** Slots, from the first to before the last, that are told as one from where there are too many touches. */
  joinable: { from: number; to: number };
}

/** Columns, a row a region. Times are ns on CLOCK_MONOTONIC; 0 for a region that was never read. */
export interface NativeRegionFigures {
  reads: Float64Array;
  readBytes: Float64Array;
  uniqueBytes: Float64Array;
  firstNs: Float64Array;
  lastNs: Float64Array;
}

/** Columns, a row for each slot and region that has bytes, sorted by both. */
export interface NativeTouches {
  slots: Uint32Array;
  regions: Uint32Array;
  bytes: Float64Array;
}

export interface NativeRegionReads {
  /** Batches in time order. */
  consume(batch: NativeBatch): void;
  /** Once, after the last batch. */
  finish(): {
    regions: NativeRegionFigures;
    groupReads: Float64Array;
    touches: NativeTouches;
    /** False: unique bytes are too low, because there was no memory for the set of sectors. */
    complete: boolean;
    /** The slot that stands for all joinable ones from it on; null: each stands for itself. */
    joinedFrom: number | null;
  };
}

export interface NativeRegions {
  SectorSet: new () => NativeSectorSet;
  RegionReads: new (options: NativeRegionReadsOptions) => NativeRegionReads;
}

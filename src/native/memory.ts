/** How much of a file is in the page cache, in bytes. What the kernel does not tell is null. */
export interface NativeResidency {
  fileBytes: number;
  /** null: the file is somebody else's, of whose pages the kernel tells nothing. */
  cachedBytes: number | null;
  dirtyBytes: number | null;
  evictedBytes: number | null;
  recentlyEvictedBytes: number | null;
  /** What told it: cachestat (Linux 6.5 on), mincore, or reads of a part of the pages, for a file of somebody else. */
  method: 'cachestat' | 'mincore' | 'reading';
}

/** A file's extents on the whole disk; sectors of 512 bytes. */
export interface NativeFileExtents {
  bytes: number;
  fileOffsets: BigUint64Array;
  sectors: BigUint64Array;
  sectorCounts: BigUint64Array;
}

/** The block device that a file (or a device node) lies on. */
export interface NativeFileDevice {
  /** Kernel name of the file system's device: `sda1`, `vda`, `dm-0`. */
  name: string;
  /** Kernel name of the whole disk: `sda` for `sda1`; the same for what has no partitions. */
  disk: string;
  /** Start of the partition on the disk in sectors; 0n for a whole disk. */
  startSector: bigint;
  /** File system type by its magic: `ext4`, `xfs`, `btrfs`, ..., or a hexadecimal number. */
  fileSystem: string;
}

/** Bytes a second that a disk reads. */
export interface NativeDiskSpeed {
  /** 1 MiB reads one after another, several in flight. */
  sequential: number;
  /** 128 KiB reads at random places, one at a time: what a fault waits for. */
  random: number;
}

/** Memory that is locked until it is released; see LockedRegion in native/memory. */
export interface NativeLockedRegion {
  readonly bytes: number;
  release(): void;
}

/** Memory that is being locked. */
export interface NativeHolding<Held> {
  /** Bytes populated and locked so far. */
  lockedBytes(): number;
  /** Ends the locking early: the promise rejects with code ABORTED and nothing stays locked. */
  cancel(): void;
  done: Promise<Held>;
}

/** A range of a file. */
export interface ByteRange {
  offset: number;
  bytes: number;
}

/** Ranges of a file that stay in the page cache until they are released; see PinnedFile in native/memory. */
export interface NativePinnedFile {
  /** Held, whole pages. */
  readonly bytes: number;
  /** Throws FILE_CHANGED when the file was shrunk, written to, removed or replaced since. */
  check(): void;
  release(): void;
}

/** What a stream did so far. */
export interface NativeStreamFigures {
  /** Pieces that the process has come past. */
  passed: number;
  /** Pieces that were read for it. */
  read: number;
  /** Times that it was found elsewhere than expected. */
  lost: number;
  /** CPU time of the stream's threads. */
  cpuNs: number;
}

/** A model that is read ahead of the process that walks it; see ModelStream in native/memory. */
export interface NativeModelStream {
  figures(): NativeStreamFigures;
  /** Throws what ended the stream before its time: EPERM, MEMLOCK_LIMIT, ENOSYS. */
  check(): void;
  stop(): void;
}

export interface NativeMemory {
  /**
   * Reads the ranges into the page cache and locks them there. Errors: ENOENT, EACCES, RANGE, NO_HEADROOM,
   * MEMLOCK_LIMIT, FILE_CHANGED, NOT_LOCKED.
   */
  pinFile(path: string, ranges: ByteRange[]): NativeHolding<NativePinnedFile>;
  /**
   * Reads pieces of the files ahead of the process that maps them, and drops them behind it, on threads of its own.
   * `ahead`: how many pieces are held in advance. Errors: ENOENT, EACCES, RANGE.
   */
  streamModel(
    paths: string[],
    pieces: { part: number; offset: number; bytes: number }[],
    ahead: number,
  ): NativeModelStream;
  /**
   * Locks `bytes` of fresh memory on all cores. Errors: NO_HEADROOM when less than the safe rest would be left,
   * MEMLOCK_LIMIT, ENOMEM.
   */
  lockMemory(bytes: number): NativeHolding<NativeLockedRegion>;
  /** Bytes that can be had without swapping: MemAvailable, or less where a memory cgroup of this process leaves less. */
  memoryAvailable(): number;
  /** What must stay available whatever is asked: 2 % of the memory, at least 256 MiB. */
  safeRest(): number;
  /** Bytes of a page of memory on this machine: 4096, or more on arm64. */
  pageBytes(): number;
  pageCacheResidency(path: string): NativeResidency;
  /**
   * Bytes in the page cache of each part of a file, parts in bytes: the pages that it lies in, cut to its size. null where the kernel
   * does not tell it, as of a file that is somebody else's. Errors: ENOENT, EACCES.
   */
  cachedParts(path: string, offsets: BigUint64Array, bytes: BigUint64Array): Float64Array | null;
  /** Writes the file's dirty pages and drops it from the page cache; gives what is left of it there. */
  evictFile(path: string): Promise<NativeResidency>;
  /** Reads the whole file into the page cache; gives what is there then. */
  warmFile(path: string): Promise<NativeResidency>;
  /** From now on the kernel refuses this process the tile registers (AMX); see native/system/tile_registers.h. */
  declineTileRegisters(): void;
  /** Errors: NO_EXTENTS (with the reason: file system without physical extents, inline data, ...), ENOENT, EACCES. */
  fileExtents(path: string): NativeFileExtents;
  /** Errors: NO_DEVICE (tmpfs, overlayfs, network file systems), ENOENT. */
  fileDevice(path: string): NativeFileDevice;
  /**
   * Reads the file for a third of a second past the page cache, whose state stays as it is. Errors: NO_DIRECT_IO (not
   * on this file system, or a file under 1 MiB), ENOENT, EACCES, EIO.
   */
  diskSpeed(path: string): Promise<NativeDiskSpeed>;
}

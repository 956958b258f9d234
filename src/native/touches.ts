/** Eviction that a curve can be made for, besides that of the least recently used, which each curve has. */
export type NativePolicy = 'pins' | 'belady' | 'leastOften' | 'leastStale' | 'kernel';

/** What was touched, in order, and for which memories it is asked what would have been read. */
export interface NativeCurveOptions {
  /** The item of each touch: a block or an expert, numbered from 0. */
  items: Uint32Array;
  itemCount: number;
  /** Size by item; left out: each item is of size 1, and so are all figures. */
  itemBytes?: BigUint64Array;
  /** Index of the first touch of each pass (token), ascending; what comes before belongs to none. */
  passes: Uint32Array;
  /** Touches from this index on are counted; those before fill the caches and choose what is pinned. */
  counted: number;
  /** Ascending. */
  capacities: BigUint64Array;
  /** Numbers of passes in a row whose working set is asked for. */
  windows: Uint32Array;
  policies: NativePolicy[];
  /** By item; for leastStale. */
  layers?: Uint32Array;
  /** For kernel, in items: the most that readahead reads at once. */
  readAheadWindow?: number;
  /** For kernel: pages in an item; the first so many touches are the load of the file; see `refresh` below. */
  blockPages?: number;
  loadTouches?: number;
  refreshes?: number[];
}

/** Sizes in the unit of the items. A policy that was not asked for has an empty column. */
export interface NativeCurve {
  /** By the counted touches; of them by first touches. */
  touchedBytes: number;
  firstBytes: number;
  /** Touched again at a distance of 2^n to 2^(n+1), by n from 0 to 63. */
  bytesByDistance: Float64Array;
  /** By window: distinct, on average; over all passes. */
  workingSets: Float64Array;
  /** Read by the counted touches, by capacity. */
  lru: Float64Array;
  pins: Float64Array;
  belady: Float64Array;
  leastOften: Float64Array;
  leastStale: Float64Array;
  /** A value for each capacity and refresh, by capacity. */
  kernel: Float64Array;
}

export interface NativePageCacheOptions {
  /** Of the file. */
  blocks: number;
  /** Blocks that memory holds besides the pinned ones. */
  capacity: number;
  /** The most that readahead reads at once; 0: none. */
  readAheadWindow: number;
  /** Pages of 4 KiB in a block. */
  blockPages: number;
  /** Touches between two times that the kernel sums up how long its lists are; 0: it always knows. */
  refresh: number;
  /** The first so many touches are the load of the file, which the kernel does. */
  loadTouches: number;
  /** Ranges of blocks that stay. */
  pinnedFrom: Uint32Array;
  pinnedTo: Uint32Array;
  /** Blocks, in the order in which they are touched; from index `counted` on they are counted. */
  touches: Uint32Array;
  counted: number;
}

/** Blocks brought in; of them those evicted before they were used; and how often the program waited for the disk. */
export interface NativePageCacheFigures {
  read: number;
  unused: number;
  waits: number;
}

export interface NativeTouchFigures {
  /** Watches what comes into the page cache of files from now on. Errors: NO_TRACEFS, NO_TRACEPOINT. */
  CacheAccount: new (
    files: string[],
  ) => NativeCacheAccount;
  TouchRecorder: new (options: NativeTouchRecorderOptions) => NativeTouchRecorder;
  /** What memories of different sizes would have read. The columns must not be changed before it is done. */
  touchCurve(options: NativeCurveOptions): Promise<NativeCurve>;
  /** Runs touches through a model of the kernel's page cache; see PageCacheModel in native/touches. */
  pageCacheReads(options: NativePageCacheOptions): NativePageCacheFigures;
}

export interface NativeTouchRecorderOptions {
  /** Real paths of the model's parts. */
  files: string[];
  /**
   * Sorted by file (an index into files) and offset, without overlaps; bytes. `whole`: 1 where who uses a part uses all. `always`:
   * 1 where each pass uses all, or nothing is to be used.
   */
  regions: {
    files: Uint32Array;
    offsets: BigUint64Array;
    bytes: BigUint64Array;
    whole: Uint8Array;
    always: Uint8Array;
  };
  /** The first so many passes are profiled. */
  profiledPasses: number;
  /** Whether what is used is told within regions as well, by more cuts. Default true. */
  pieces?: boolean;
  /**
   * Whether what is used is to show also when the profiled passes are over: the model is then mapped as before only where each
   * pass uses all, and as long as nothing of it is read again. Default false: all of it is mapped as before.
   */
  follow?: boolean;
}

/** Bytes read of files, by what became of them; a row for each slot of time and region, by slot. */
export interface NativeReadFates {
  used: Float64Array;
  /** Evicted before they were used, and used after they had been read again. */
  usedLater: Float64Array;
  /** Evicted before they were used, and not used since. */
  neverUsed: Float64Array;
  /** Still cached when the workload ended, and not used. These four add up to all. */
  stillCached: Float64Array;
  /** Of used: had been used before, and were read again. */
  usedAgain: Float64Array;
  /** Of all but used: mapped beside a page that was used, so that their own use would not have been seen. */
  unseen: Float64Array;
}

export interface NativeCacheAccount {
  /** Watches what a process and all that it starts use of the files, from now on; before it maps any of them. */
  attach(pid: number): void;
  /** Once, when the workload has ended: how many events the kernel had no room for. */
  stop(): number;
  /**
   * After `stop`. Regions: sorted by file (an index) and offset, without overlaps; `whole`: 1 where who uses a page uses all.
   * `slots`: when slots of time begin, ascending; what was read earlier is in the first.
   */
  fates(options: {
    regions: { files: Uint32Array; offsets: BigUint64Array; bytes: BigUint64Array; whole: Uint8Array };
    slots: BigUint64Array;
    /** When all pages were taken out of the workload's page tables, so that what it uses of them from then on shows. */
    unmappedAt?: bigint;
  }): NativeReadFates;
}

/** What was seen of a workload's passes over the weights. */
export interface NativeSeenTouches {
  /** Faults that the kernel had no room for. */
  lost: number;
  /** The errno with which the kernel refused to let pages fault again; 0: it did not. */
  refused: number;
  /** Whether the program called what is watched, and whether it had the model mapped then. */
  called: boolean;
  mapped: boolean;
  /** A row a pass, by time. ns on CLOCK_MONOTONIC; an end of 0: the program ended in it. `readyNs` passed before it. */
  passes: {
    begins: BigUint64Array;
    ends: BigUint64Array;
    readyNs: Float64Array;
    profiled: Uint8Array;
    faults: Uint32Array;
  };
  /** A row for each pass and region that it used, by pass and by the time of the first use. */
  touches: { passes: Uint32Array; regions: Uint32Array; bytes: Float64Array };
}

export interface NativeTouchRecorder {
  /** For the workload to inherit; the library finds its number in $BLKSCOPE_TOUCHES_FD. */
  readonly fd: number;
  /** Watches the faults of a process and all that it starts from now on. Error: NO_FAULT_EVENTS. */
  attach(pid: number): void;
  /** Once, when the workload has ended. */
  stop(): NativeSeenTouches;
}

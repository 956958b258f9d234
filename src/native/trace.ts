/** Where the events come from: the kernel's relay files, or the ftrace ring buffer. */
export type SourceKind = 'relay' | 'ftrace';

/** Which actions the kernel is asked for: what the report needs, or everything it can tell. */
export type ActionChoice = 'needed' | 'all';

/** A run of a file on the disk. Offsets and lengths in bytes of the file; `sector` on the whole disk (512 bytes). */
export interface NativeExtents {
  /** Bytes of the file. */
  bytes: number;
  fileOffsets: BigUint64Array;
  sectors: BigUint64Array;
  sectorCounts: BigUint64Array;
}

/** How ftrace's ring is read: copied page by page, or mapped (Linux 6.10 on). Pages cost less; see bench/ring. */
export type RingAccess = 'pages' | 'mapped';

/** What happens when the spool is full: events are dropped and counted, or the capture ends. */
export type OnFull = 'drop' | 'stop';

/** Events that are missing between two times, ns on CLOCK_MONOTONIC. `cpu` null: the kernel does not tell. */
export interface NativeLoss {
  fromNs: bigint;
  toNs: bigint;
  count: number;
  cpu: number | null;
  by: 'kernel' | 'spool';
}

/** A cause of an incomplete trace: its line is in figures/defects.ts, whose holes `values` fill by their names. */
export interface NativeDefect {
  code: string;
  values: Record<string, number | string>;
}

export interface NativeTracerOptions {
  source: 'auto' | SourceKind;
  /** Kernel names of block devices: `vda`, `nvme0n1`, `dm-0`. */
  devices: string[];
  actions: ActionChoice;
  ring: RingAccess;
  /** Files whose coverage is counted; they lie on the first device. */
  files: NativeExtents[];
  /** Kernel buffer per CPU: bytes of a sub-buffer and how many; 0 chooses by the source. */
  bufferBytes: number;
  bufferCount: number;
  /** The kernel's filters: by the sector where an I/O starts (both ends included), by the thread that an event happens in. */
  firstSector: bigint;
  lastSector: bigint;
  /** 0: any. */
  pid: number;
  /** The most memory the spool may take between the capture thread and the analysis. */
  spoolBytes: number;
  /** Where the spool goes on in files when its memory is used up (empty: nowhere), and how much it may take there. */
  spoolDirectory: string;
  spoolFileBytes: number;
  onFull: OnFull;
  /** Where changes to the machine are written down before they are made. */
  journalDirectory: string;
  /** False: events are analysed and dropped; nothing is handed to JavaScript. */
  deliver: boolean;
}

export interface NativeImportOptions {
  /**
   * What to read: blktrace's base names, a BASE.blktrace.N for all of its trace, other files of records, or '-' for
   * standard input. `descriptor`: what comes out of it instead, under the path's name; the importer closes it.
   */
  traces: { path: string; descriptor?: number }[];
  /** Files whose coverage is counted, and the kernel's number of the disk that they lie on. */
  files: NativeExtents[];
  fileDevice: number;
  /** False: events are analysed and dropped. */
  deliver: boolean;
  /** True: what holds several CPUs is said to be in order of time, and is read as it comes, without a copy on the disk. */
  inOrder: boolean;
}

/** A saved trace being read on a thread of its own, from its construction on. */
export interface NativeImporter {
  /** null: nothing ready now, `onReady` will be called. Throws when nothing could be imported. */
  takeBatch(): NativeTracedBatch | 'ended' | null;
  /** Events read so far. */
  events(): number;
  /**
   * After 'ended'. `wallClock`: ns since the epoch at a time of the trace's
   * clock, by the trace's own note; null without one.
   */
  summary(): NativeSummary & {
    protocol: 1 | 2;
    deviceNumbers: Uint32Array;
    wallClock: { ns: bigint; atNs: bigint } | null;
  };
  /** Ends the reading, also where it waits; what was read until then is analysed. */
  stop(): void;
  close(): void;
}

/** What start() found out. `reason` says why the source was chosen, in words. */
export interface NativeTracerInfo {
  source: SourceKind | 'file';
  protocol: 1 | 2;
  reason: string;
  cpus: number;
  bufferBytes: number;
  bufferCount: number;
  /** Traced devices that lie on other traced ones, by the kernel's numbers, as far as that is known at the start. */
  layered: Uint32Array;
}

/**
 * One batch of events, a column a field, all of `length` rows in time order.
 *
 * Units: time in ns on CLOCK_MONOTONIC, sector in 512-byte sectors of the whole disk, bytes in bytes, device as the
 * kernel's number (major << 20 | minor), action and direction as indices of `actionNames` and `directionNames`.
 */
export interface NativeBatch {
  length: number;
  time: BigUint64Array;
  sector: BigUint64Array;
  /** remap: the sector it came from; split: the second part's sector; unplug: how many requests. */
  payload: BigUint64Array;
  bytes: Uint32Array;
  pid: Uint32Array;
  device: Uint32Array;
  fromDevice: Uint32Array;
  cpu: Uint16Array;
  error: Uint16Array;
  flags: Uint16Array;
  action: Uint8Array;
  direction: Uint8Array;
}

/** Events and, as columns of their own, the requests that were completed meanwhile. */
export interface NativeTracedBatch extends NativeBatch {
  ios: NativeIoBatch;
}

/** A time that was not seen: 2^64 - 1. 0 is a time, at which a dump of blkparse begins. */
export const notSeen = 2n ** 64n - 1n;

/**
 * Completed requests as columns of `length` rows, in order of completion.
 *
 * Times in ns on CLOCK_MONOTONIC, `notSeen` where they were not: without Q (`actions: 'needed'`) `queue` is, and a device
 * without requests (device mapper) has neither `getrq`, `insert` nor `issue`. `queue` is of the bio queued first, `issue` the
 * last one. `pid` is who queued the first sector, without Q who issued it. `merges` counts the bios that joined.
 */
export interface NativeIoBatch {
  length: number;
  sector: BigUint64Array;
  queue: BigUint64Array;
  getrq: BigUint64Array;
  insert: BigUint64Array;
  issue: BigUint64Array;
  complete: BigUint64Array;
  sectors: Uint32Array;
  device: Uint32Array;
  pid: Uint32Array;
  merges: Uint32Array;
  /** errno of a failed request, 0 for success. */
  error: Uint16Array;
  direction: Uint8Array;
}

/** Running counters, cheap to take at any time while tracing. */
export interface NativeCounters {
  events: number;
  dropped: number;
  readBytes: number;
  writeBytes: number;
  spoolBytes: number;
  spoolPeakBytes: number;
}

/** Completed reads as they are captured, as columns: ns, sectors of 512 bytes, the kernel's numbers of devices. */
export interface NativeReads {
  time: BigUint64Array;
  sector: BigUint64Array;
  sectors: Uint32Array;
  device: Uint32Array;
  /** How many were left out since the tap was opened, because nobody took them in time. */
  missed: number;
}

/** Completed I/Os of one direction: how many, their bytes, distinct sectors of 512 bytes, and how many failed. */
export interface NativeTransfer {
  count: number;
  bytes: number;
  uniqueSectors: bigint;
  errors: number;
}

/**
 * Classes of gaps, in sectors: a gap is of the class with the least `below` that is above it. The core's own classes (Gaps in
 * native/analyse) are held against these by a test.
 */
export const gapClasses = {
  sequential: { below: 1, label: 'sequential' },
  small: { below: 256, label: '<128 KiB' },
  medium: { below: 2048, label: '<1 MiB' },
  large: { below: Number.POSITIVE_INFINITY, label: 'larger' },
  backward: { below: 0, label: 'backward' },
} as const;

/** A class of gaps. */
export type GapClass = keyof typeof gapClasses;

/** At what gaps in device order are taken: the first issue; where a device tells of none the queueing, else the completion. */
export const gapOrders = ['issue', 'queue', 'completion'] as const;

/** In which order gaps of a device are taken. */
export type GapOrder = (typeof gapOrders)[number];

/** What one device moved. `layered`: it lies on another traced device, and sums leave it out. */
export interface NativeDevice {
  number: number;
  layered: boolean;
  reads: NativeTransfer;
  writes: NativeTransfer;
  order: GapOrder;
  gaps: NativeGaps | null;
  latency: NativeLatency;
  writeLatency: NativeLatency;
}

/** Gaps by class. */
export type NativeGaps = Record<GapClass, number>;

/** Times in ns. Quantiles are within 1/128 of the true ones; the others are exact. */
export interface NativeDistribution {
  count: number;
  min: number;
  mean: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

/** Between which points of an I/O's life, by blkparse's letters; in the order of that life, then the whole of it. */
export const stages = {
  q2g: { from: 'queue', to: 'getrq', label: 'queue to request' },
  q2m: { from: 'queue', to: 'merge', label: 'queue to merge' },
  g2i: { from: 'getrq', to: 'insert', label: 'request to scheduler' },
  i2d: { from: 'insert', to: 'issue', label: 'scheduler to issue' },
  q2d: { from: 'queue', to: 'issue', label: 'queue to issue' },
  d2c: { from: 'issue', to: 'complete', label: 'issue to complete: the device' },
  q2c: { from: 'queue', to: 'complete', label: 'queue to complete' },
} as const;

/** A part of an I/O's life. */
export type Stage = keyof typeof stages;

/** null: no request gave both ends. */
export type NativeLatency = Record<Stage, NativeDistribution | null>;

/** What taking every event of a read for a read would give. */
export interface NaiveFigures {
  count: number;
  bytes: number;
  gaps: NativeGaps;
  peakBytesPerSecond: number;
}

/** What was read of files whose coverage is counted. */
export interface NativeFileReads {
  /** Their size. */
  bytes: number;
  /** I/Os that touch them. */
  reads: number;
  readBytes: number;
  uniqueBytes: number;
}

/**
 * What an analysis counted: of a whole trace, live or saved, of one of its phases, or for files that became known later.
 * The keys are those of summary.json.
 */
export interface NativeFigures {
  /** Events by action letter, only those that occurred. */
  actions: Record<string, number>;
  reads: NativeTransfer;
  writes: NativeTransfer;
  /** Completed I/Os by size in bytes. */
  sizes: { read: Record<string, number>; write: Record<string, number> };
  /** Each traced device by itself. */
  devices: NativeDevice[];
  /**
   * Of reads: as issued, as queued, as issued by offsets in the traced files. null: no read has one before it. `order`: in
   * which order `device` and `file` are taken; null: devices have several.
   */
  gaps: {
    device: NativeGaps | null;
    demand: NativeGaps | null;
    file: NativeGaps | null;
    order: GapOrder | null;
  };
  /** Of reads. */
  latency: NativeLatency;
  writeLatency: NativeLatency;
  /**
   * `unmatched`: completions of what began before the trace or was lost; `givenUp` and `open`: never completed;
   * `requeues`: issues of requests that the driver had given back; `passthrough`: commands, in no other figure.
   */
  requests: {
    matched: number;
    unmatched: number;
    givenUp: number;
    open: number;
    requeues: number;
    passthrough: number;
  };
  /** ns during which a given number of requests were issued and not completed, by that number. */
  queueDepthNs: Float64Array;
  /** Reads by process, of who queued them, without Q of who issued them. */
  readers: { pid: number; reads: number; bytes: number; gaps: NativeGaps }[];
  naive: NaiveFigures;
  timeline: {
    bucketNs: number;
    startNs: bigint;
    readBytes: Float64Array;
    readOps: Float64Array;
    writeBytes: Float64Array;
    writeOps: Float64Array;
    /** Requests issued and not completed. */
    meanDepth: Float64Array;
    maxDepth: Float64Array;
  };
  /** In the order of the options' files. */
  files: NativeFileReads[];
  /** Of all of them together: what several share counts once. */
  allFiles: NativeFileReads;
}

/** The figures of a whole trace, how far they can be trusted, and what they cost. */
export interface NativeSummary extends NativeFigures {
  eventsRead: number;
  eventsDropped: number;
  sequenceGaps: number;
  /**
   * Sectors of completed reads and writes in the trace, and by the devices' own counters over the same window. Null where
   * these do not count just what was asked for: with a filter, of a device that went away, of a saved trace.
   */
  readSectorsTraced: bigint;
  readSectorsDiskstats: bigint | null;
  writeSectorsTraced: bigint;
  writeSectorsDiskstats: bigint | null;
  /** Why the trace is not whole; empty when it is. */
  defects: NativeDefect[];
  /** Where in time events are missing; neighbours are joined. */
  losses: NativeLoss[];
  firstEventNs: bigint;
  lastEventNs: bigint;
  startedNs: bigint;
  stoppedNs: bigint;
  tracer: {
    captureCpuNs: number;
    analysisCpuNs: number;
    peakRssBytes: number;
    kernelBufferBytes: number;
    spoolBytes: number;
    spoolPeakBytes: number;
    spoolFilePeakBytes: number;
    spoolTotalBytes: number;
  };
  processes: { pids: Uint32Array; names: string[] };
}

export interface NativeAnalysisOptions {
  /** Files whose coverage is counted, and the kernel's number of the disk that they lie on. */
  files: NativeExtents[];
  device: number;
  /** Devices that lie on other traced ones: sums leave them out. More are seen by remaps. */
  layered: Uint32Array;
  /** Only what lands in the files, at least in part, as if nothing else were traced. Default: all. */
  filesOnly?: boolean;
  /** Only what happens from `fromNs` to just before `toNs`, as if it were a trace of its own. Default: all. */
  fromNs?: bigint;
  toNs?: bigint;
}

/** Analyses events once more, from batches: what began before `fromNs` counts where it completes, but has no latency. */
export interface NativeAnalysis {
  /** Batches in time order. */
  consume(batch: NativeBatch): void;
  /** Once, after the last batch. */
  finish(): NativeFigures;
  /** After the end. False: unique sectors are too low, for want of memory for their sets. */
  readonly setsComplete: boolean;
}

/** A tracing session. All calls are synchronous and short; waiting is done by the callback. */
export interface NativeTracer {
  start(): NativeTracerInfo;
  /** Ends tracing and drains what the kernel still holds; batches can be taken until takeBatch gives 'ended'. */
  stop(): void;
  /** null: nothing ready now, `onReady` will be called. */
  takeBatch(): NativeTracedBatch | 'ended' | null;
  counters(): NativeCounters;
  /** Completed reads since the last call, for a live view; the first call opens the tap. After start. */
  takeReads(): NativeReads;
  /** After 'ended'. */
  summary(): NativeSummary;
  /** Undoes every change at once and frees everything; idempotent. */
  close(): void;
}

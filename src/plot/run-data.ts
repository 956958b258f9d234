import type { AccessGrid } from '../native/access.js';

/** Columns of equal length over time: seconds from the start of the trace, values. */
export interface Series {
  time: readonly number[];
  value: readonly number[];
}

/** A tensor, an expert's slice of one, metadata or padding, in the files' order. Bytes. */
export interface PlacedRegion {
  name: string;
  layer: number | null;
  role: string;
  expert: number | null;
  /** From the start of the first file on. */
  offset: number;
  bytes: number;
  /** Of the tensor; of an expert's slice, what was read of all slices of that expert. */
  readBytes: number;
  uniqueBytes: number;
  reads: number;
}

/** Bytes read by token and row: `values[row * columns + column]`. */
export interface Matrix {
  rows: readonly string[];
  columns: number;
  values: readonly number[];
}

/** What of each part of the model was in the page cache, at moments in order of time. */
export interface Residency {
  /** Tensors and experts; pieces of one size where no model is known. Bytes, from the start of the first file. */
  parts: readonly { name: string; offset: number; bytes: number }[];
  moments: readonly { name: 'before' | 'during' | 'after'; time: number; cached: readonly number[] }[];
}

export interface LatencyOverTime {
  /** Middle of each span. */
  time: readonly number[];
  p50: readonly (number | null)[];
  p99: readonly (number | null)[];
}

/** Bytes that a token reads with so much memory for the model, by policy of eviction; see docs/touches.md. */
export interface MemoryCurve {
  points: readonly {
    memory: number;
    kernel: number;
    /** What chance makes of it. */
    kernelLeast: number;
    kernelMost: number;
    lru: number;
    pins: number;
    optimum: number;
  }[];
  /** The run's own. */
  ownMemory: number | null;
  verdict: string;
}

/** All that figures of a run are drawn from. Times in seconds from the start of the trace, sizes in bytes. */
export interface RunData {
  name: string;
  /** As summary.json has it; figures that are told as numbers come from it. */
  seconds: number;
  modelBytes: number | null;
  phases: readonly { name: string; from: number; to: number }[];
  /** When each token was there; the first ends the prompt. */
  tokens: readonly number[];
  regions: readonly PlacedRegion[];
  /** In the files' order: bytes from the start of the first file, sectors of the disk. */
  extents: readonly { offset: number; sector: number; bytes: number }[];
  access: { byFile: AccessGrid; byDisk: AccessGrid } | null;
  /** How often bytes of the model were read; times 0 are those that never were. */
  timesRead: { times: readonly number[]; bytes: readonly number[] } | null;
  /** Of the whole disk, in buckets of `bucket` seconds. */
  timeline: {
    bucket: number;
    read: readonly number[];
    write: readonly number[];
    depth: readonly number[] | null;
  };
  samples: Readonly<Record<string, Series>>;
  residency: Residency | null;
  /** The number, in the store, of the first generated token: that of the first column below. */
  firstToken: number;
  tokenLayers: Matrix | null;
  /** Tokens that read of each expert: rows are layers, columns experts. */
  experts: Matrix | null;
  /** Of each token of the generation: bytes of the model that were read. */
  tokenBytes: readonly number[] | null;
  /** null: what tokens use was not watched. */
  curve: MemoryCurve | null;
  latency: { cdf: { ns: readonly number[]; share: readonly number[] }; overTime: LatencyOverTime } | null;
  /** Reads by power of two of their size, by phase. */
  sizes: readonly { phase: string; counts: Readonly<Record<string, number>> }[];
  gaps: readonly { order: string; counts: Readonly<Record<string, number>> }[];
  /** For a token; seconds and bytes per second. */
  bound: {
    compute: number;
    touched: number;
    kept: number;
    bandwidth: number;
    tokensPerSecond: number;
    again: number;
    unused: number;
    /** A CPU that others had; null: not known. */
    busy: number | null;
    waiting: number;
  } | null;
  tokensPerSecond: number | null;
  bytesPerToken: number | null;
  /** What the workload and its page cache could take; null: not limited. */
  memoryBytes: number | null;
}

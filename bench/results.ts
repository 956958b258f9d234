import type { MachineConfig } from '../dist/machine/machine.js';
import type { Spread } from './spread.js';

/** What bench.ts writes: each bench with when and where it was made. */
export type Results = { [Name in keyof Shapes]?: Made<Shapes[Name]> };

export interface Made<Shape> {
  form: 'quick' | 'full';
  /** The day. */
  made: string;
  commit: string;
  machine: Omit<MachineConfig, 'host'> & { node: string };
  /** How long the bench took. */
  seconds: number;
  result: Shape;
}

/** What each bench writes as JSON. Times are seconds unless a name tells another unit. */
export interface Shapes {
  start: { rounds: number; programs: ({ name: string } & Costs)[] };
  package: {
    tarballBytes: number;
    unpackedBytes: number;
    /** How many of them are in it. */
    prebuilds: number;
    /** Those that it needs, and theirs. */
    packages: number;
    packagesBytes: number;
    duckdbBytes: number;
  };
  lock: {
    mib: number;
    rounds: number;
    writeBytesPerSecond: Spread;
    lockBytesPerSecond: Spread;
    /** Locking / writing, of each round. */
    times: Spread;
  };
  intervals: Pattern[];
  store: { events: number; rounds: number; formats: Format[] }[];
  analyse: { comparisons: Comparison[]; byLength: Length[] };
  page: { events: number; rounds: number; runs: PageOfRun[] };
  interference: InTurns;
  interferenceInGuest: InTurns & { kernel: string };
  /** Parts of a bench that takes long, each with how many seconds it took. */
  scale: {
    length?: Part<ByLength[]>;
    model?: Part<ByModelSize[]>;
    day?: Part<DayBench>;
    dataset?: Part<DatasetBench>;
  };
  /** Time goes by instructions, a nanosecond each. */
  capture: { kernel: string; rounds: number; seconds: number; variants: Variant[] };
}

/** The page of a run: what making it takes, then how a browser opens it and pans its access map. */
export interface PageOfRun {
  name: string;
  /** Of the file. */
  bytes: number;
  seconds: Spread;
  peakBytes: Spread;
  firstPaintMs: Spread;
  /** Until all figures are drawn. */
  drawnMs: Spread;
  /** That the page works at a step of panning. */
  panMs: Spread;
  framesPerSecond: Spread;
}

/** An experiment in turns under tracers. */
export interface InTurns {
  rounds: number;
  modelBytes: number;
  limitBytes: number;
  tokens: number;
  variants: Interference[];
}

/** The experiment under a tracer, or none. */
export interface Interference {
  variant: string;
  tokensPerSecond: Spread;
  /** By the disk's own counters. */
  readBytes: Spread;
  cachedAfterBytes: Spread;
  /** What the tracer's events take: buffers of the kernel, the spool, files in memory. */
  traceBytes: Spread;
  /** The most memory of the tracer's own process. */
  processBytes: Spread;
}

/** As bench/analyse/measure prints it. */
export interface Cost {
  seconds: number;
  cpuSeconds: number;
  peakBytes: number;
}

/** Of a whole process, over all rounds. */
export type Costs = Record<keyof Cost, Spread>;

/** One pattern of reads: ns an insertion, and what the structure then takes. */
export interface Pattern {
  name: string;
  title: string;
  reads: number;
  sectors: number;
  sample: { reads: number; sectors: number };
  structures: Record<string, { ns: number; leastNs: number; bytes: number; residentBytes: number }>;
  /** ns a read of the sample. */
  sqlNs: number;
}

export interface Format {
  name: string;
  seconds: Spread;
  bytes: number;
  /** null where another process holds it. */
  peakMiB: Spread | null;
}

/** What the bench found on one trace. */
export interface Comparison {
  trace: string;
  events: number;
  rounds: number;
  /** `node`: Node's own start, which blkscope's time includes. */
  programs: Record<string, Costs>;
  /** Of the analysis alone: CPU time of its two threads; and of a bare walk over the files. */
  analysisNsPerEvent: Spread;
  walkNsPerEvent: Spread;
  /** In memory on one core, ns an event: each stage with those before it. */
  stages: { name: string; ns: Spread }[];
  /** Merging, and what was read of each of so many regions of a file. */
  regions: { name: string; ns: Spread }[];
}

export interface Length {
  events: number;
  nsPerEvent: Spread;
  peakBytes: Spread;
}

export const captureFigures = [
  'iops',
  'events',
  'dropped',
  'cpuNsPerEvent',
  'analysisNsPerEvent',
  'ramBytes',
] as const;

/** How the load is traced; null where the tracer does not tell a figure. */
export type Variant = { variant: string } & Record<(typeof captureFigures)[number], Spread | null>;

export interface Part<Found> {
  seconds: number;
  found: Found;
}

/** What a trace of so many events costs that comes through a pipe; `analysisNs`: CPU time of both threads. */
export interface ByLength {
  events: number;
  import: Cost & { analysisNs: number };
  /** null: so long a trace was not stored. `bytes`: of trace.duckdb. */
  stored: { import: Cost & { analysisNs: number }; bytes: number; report: Cost; page: Cost } | null;
}

export type CommandCost = { name: string } & Cost;

/** What each command costs on a run of a model; NaN, in JSON null, where it fails. */
export interface ByModelSize {
  regions: number;
  tensors: number;
  bytes: number;
  events: number;
  tokens: number;
  commands: CommandCost[];
}

/** What a capture holds after so many hours, as bench/scale/day_bench prints it. */
export type HeldAfter = Record<
  | 'hours'
  | 'events'
  | 'analysisNs'
  | 'residentBytes'
  | 'spoolTotalBytes'
  | 'spoolPeakBytes'
  | 'lost'
  | 'buckets'
  | 'bucketNs'
  | 'open'
  | 'givenUp'
  | 'processes'
  | 'names'
  | 'losses'
  | 'touches',
  number
>;

export interface DayBench {
  hours: number;
  eventsPerSecond: number;
  held: HeldAfter[];
  /** The import of such a trace with the store, and what the run then is. */
  stored: Cost & { analysisNs: number };
  bytes: number;
  pageBytes: number;
  /** Of the timeline. */
  buckets: number;
  commands: CommandCost[];
}

export interface DatasetQuery {
  question: string;
  engine: string;
  answerRows: number;
  /** Events of all runs, where that was asked; else 0. */
  counted: number;
  /** null: it took more memory than there is, and was killed. */
  seconds: Spread | null;
  peakBytes: Spread | null;
}

export interface DatasetBench {
  runs: number;
  events: number;
  bytes: number;
  /** Of a run. */
  exportSeconds: Spread;
  queries: DatasetQuery[];
}

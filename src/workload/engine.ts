import type { LaunchOptions } from '../process/launch.js';
import type { OpenedFile } from '../process/opened-files.js';
import type { Loading } from './loading.js';
import type { ServedRequest } from './open-requests.js';

/**
 * A moment in a workload's life, on CLOCK_MONOTONIC, the clock of the block trace.
 *
 * - `started`: just before the process is made;
 * - `loaded`: the program said that its model is loaded. With mapped weights little need have been read by
 *   then;
 * - `request`: a server began to work on a request; `index` counts from 0;
 * - `promptDone`: the prompt has been evaluated; where the program does not say so, its first token tells;
 * - `token`: a token appeared; `index` counts from 0;
 * - `ended`: the process is gone.
 *
 * An engine gives the marks that it can see: a benchmark has no tokens, any other command only a start and an
 * end.
 */
export interface Mark {
  kind: 'started' | 'loaded' | 'request' | 'promptDone' | 'token' | 'ended';
  /** Nanoseconds, CLOCK_MONOTONIC (process.hrtime.bigint()). */
  time: bigint;
  index?: number;
}

/** What becomes of what a workload prints: workload.log keeps it, nothing does, or it is handed on as it comes. */
export type OutputSink = 'log' | 'none' | ((stream: 'stdout' | 'stderr', bytes: Buffer) => void);

/** What a workload is asked to do. All but `log` may be left out. */
export interface WorkloadOptions {
  /** The GGUF file; of a split model its first part. */
  model?: string;
  /** The model's parts where they are known: to find them its first pages are read, which a trace would show. */
  modelParts?: readonly { path: string; bytes: number }[];
  prompt?: string;
  /**
   * Length of the prompt in tokens, exact for llama-bench and the embedded engine, about right for the
   * others.
   */
  promptTokens?: number;
  /** Tokens to generate, exactly: end-of-text tokens are ignored. Default 100. */
  tokens?: number;
  /** Default: the program's own. */
  threads?: number;
  /**
   * Context size in tokens. Default: what prompt and tokens need, so that the cache of keys and values stays
   * small.
   */
  context?: number;
  batch?: number;
  /** Default 1: two runs generate the same. */
  seed?: number;
  /** 0 always takes the likeliest token. Default: the program's own (0.8 in llama.cpp). */
  temperature?: number;
  /** Passed to the program as they are. An option given here replaces the one blkscope would have passed. */
  extraArgs?: string[];
  /** Variables that it gets on top of what a workload gets of our environment; see process/environment.ts. */
  env?: Record<string, string>;
  launch?: LaunchOptions;
  /** The workload and all its children are ended after this many milliseconds. */
  timeLimitMs?: number;
  /** Path of workload.log: the command line is appended to it, and by `output` what the workload prints. */
  log: string;
  /** Default: the log, up to 64 MiB. */
  output?: OutputSink;
  /** Aborting it stops the workload as `stop()` does. */
  signal?: AbortSignal;
  /** Told of each mark as it is seen. */
  onMark?: (mark: Mark) => void;
  /** false: weights are read into anonymous memory. Default true. */
  mmap?: boolean;
  /** true: the program locks its weights into memory. Default false. */
  mlock?: boolean;
  /**
   * true: lets llama.cpp copy weights into a layout that suits the CPU. Default false; the embedded engine copies most
   * quantised weights all the same.
   */
  repack?: boolean;
}

/**
 * What the program itself says of its generation. Marks are when we saw a write of its: several tokens may share one, and
 * some print nothing.
 */
export interface Generation {
  /** All tokens, the first included, which comes with the prompt's evaluation. */
  tokens: number;
  /** Walks over the weights that made them, where it drafted and said how much was taken; null: one for each token. */
  walks: number | null;
  /** Whether it was asked to draft, so that a token need not be a walk. */
  speculative: boolean;
  /** When it began and was over, by the time that it says it took and by when it said so; null: not known. */
  startedAt: bigint | null;
  endedAt: bigint | null;
}

/** Speeds as the program printed them; where it printed none, from the marks. null: not known. */
export interface WorkloadTimings {
  /** From start to `loaded`; of the embedded engine without the start of Node itself. */
  loadNs: bigint | null;
  promptTokens: number | null;
  promptTokensPerSecond: number | null;
  tokens: number | null;
  tokensPerSecond: number | null;
  /**
   * Mean time of a token in ns, as the program says it or as marks show that were taken where the tokens are made; null:
   * neither, so that tokensPerSecond rests on when we saw its output.
   */
  saidTokenNs: number | null;
}

/** A workload that has ended, well or not. */
export interface WorkloadOutcome {
  engine: EngineName;
  /** What was run; without the shell and setpriv that started it. */
  argv: string[];
  version: string | null;
  /** null when a signal ended it. */
  exitCode: number | null;
  signalName: string | null;
  timedOut: boolean;
  startedAt: bigint;
  endedAt: bigint;
  wallNs: bigint;
  /** In order of time. */
  marks: Mark[];
  timings: WorkloadTimings;
  /** null: it says nothing of how many tokens it made. */
  generation: Generation | null;
  /** How the model was loaded, as its options and the files it held say; see loading.ts. null: not known. */
  loading: Loading | null;
  /** Bytes that it and its children had read from storage, as the kernel charged them; null: not counted. */
  readBytes: number | null;
  /** Where the weights lived, as seen from the process's memory; see weights.ts. */
  weights: 'mapped' | 'copied' | null;
  /** Where the program says that it put its weights, bytes by the name of the buffer; null: it says nothing. */
  buffers?: Record<string, number> | null;
  /** Size of the model's files, or of the large files it mapped or opened; null when there were none. */
  modelBytes: number | null;
  /**
   * How much of these files the workload mapped. 0: it read them some other way, or blkscope looked too late.
   */
  modelMappedBytes: number;
  /** Highest anonymous memory, less what the process had before it loaded the model. */
  loadedAnonBytes?: number | null;
  /** Highest values seen, summed over the workload's processes; null when it ended before the first look. */
  rssAnonBytes: number | null;
  rssFileBytes: number | null;
  lockedBytes: number | null;
  peakRssBytes: number | null;
  /** Faults of the workload and its children over their whole lives. */
  majorFaults: number | null;
  minorFaults: number | null;
  /** Files that it mapped or held open whenever blkscope looked; see opened-files.ts. */
  openedFiles: OpenedFile[];
  /** Bytes of its output that workload.log had no room for. */
  logLeftOutBytes: number;
  /** What it reported that cannot be: how many lines, and the beginning of the first. */
  refusedReports?: { count: number; first: string };
  /** The line of its output that best says why it failed; null when it did not, or said nothing. */
  errorLine: string | null;
  /** Of a server what it worked on, as its log tells; none of what is no server. */
  requests?: ServedRequest[];
  /** Of a server that we have ended: it does not end by itself. */
  stopped?: boolean;
  /** Of a process that ran already: which, whether it ended while it was looked at, and the files that were taken for its log. */
  attached?: { pid: number; ended: boolean; logs: string[] };
}

/** A workload that runs. */
export interface RunningWorkload {
  /** The workload's own process id: what starts it becomes it. */
  pid: number;
  /** Never rejects: a workload that fails is an outcome too. */
  done: Promise<WorkloadOutcome>;
  /**
   * Sends the signal (default SIGTERM) to the workload and its children, SIGKILL 3 s later, and waits for the
   * end.
   */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** What ran a workload. */
export type EngineName =
  | 'llama-cli'
  | 'llama-completion'
  | 'llama-bench'
  | 'embedded'
  | 'command'
  /** A process that ran already. */
  | 'attached';

/** Layouts for the CPU: none, those for vector instructions, or those for tile registers as well. */
export type Packing = 'none' | 'vectors' | 'tiles';

/** One way to run a workload. */
export interface Engine {
  name: EngineName;
  /** The program; null for the embedded engine. */
  path: string | null;
  /** Programs in PATH that come before it and were not understood: a line each, with the reason. */
  passedOver?: readonly string[];
  /** Which layouts for the CPU it may copy weights into; see packed-layouts.ts. */
  packs?(options: WorkloadOptions): Packing;
  /** Whether it is asked to draft, so that a token is no walk over the weights; see speculation.ts. */
  drafts?(options: WorkloadOptions): boolean;
  /** How it will load the model, so far as its options say. */
  loading?(options: WorkloadOptions): Loading;
  /** Throws BlkscopeError when the workload cannot be started at all. */
  start(options: WorkloadOptions): Promise<RunningWorkload>;
}

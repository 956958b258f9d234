import { BlkscopeError } from '../errors.js';
import type { Folder } from '../files/folder.js';
import { journalDirectory } from '../machine/recover.js';
import { native } from '../native/binding.js';
import { asBlkscopeError } from '../native/native-error.js';
import type {
  ActionChoice,
  NativeCounters,
  NativeExtents,
  NativeReads,
  NativeSummary,
  NativeTracer,
  NativeTracerInfo,
  OnFull,
  RingAccess,
  SourceKind,
} from '../native/trace.js';
import { protectFromOomKiller } from '../process/oom-protection.js';
import { type BlockEvent, type EventBatch, eventBatch } from './batch.js';
import { progressOf, type TracerProgress } from './progress.js';
import { openSpoolFolder } from './spool-folder.js';

export interface TracerOptions {
  /** Kernel names of the block devices to trace: `vda`, `nvme0n1`, `dm-0`. */
  devices: string[];
  /** Default `auto`: relay, and ftrace where relay is refused. */
  source?: 'auto' | SourceKind;
  /** Default `needed`: what the report needs; the kernel then does less for the traced workload. */
  actions?: ActionChoice;
  /** How ftrace's ring is read. Default `pages`, the cheaper. */
  ring?: RingAccess;
  /** Files on the first device whose coverage is counted. */
  files?: NativeExtents[];
  /** Of a kernel sub-buffer, and how many of them a CPU gets; else by the rate that the devices can make. */
  bufferBytes?: number;
  bufferCount?: number;
  /** Only I/Os that start in these sectors of the whole disk, both included; the kernel drops the others. */
  firstSector?: bigint;
  lastSector?: bigint;
  /**
   * Only events that happen while this thread runs. That is whole for what it queues; a completion comes in an interrupt,
   * in whichever thread's time, so that counts of completed I/Os are partial.
   */
  pid?: number;
  /** Default 256 MiB. */
  spoolBytes?: number;
  /** Where the spool goes on in files when its memory is used up, and the most it may take there (default 8 GiB). */
  spoolDirectory?: string;
  spoolFileBytes?: number;
  /** What happens when the spool is full. Default `drop`: what comes is dropped, counted and placed in time. */
  onFull?: OnFull;
  /** Default true; false when only the summary is wanted. */
  deliver?: boolean;
  /** Ends the tracing; the iteration then ends when all is drained. */
  signal?: AbortSignal;
}

/**
 * A running trace: an async iterable of batches.
 *
 * Iterate while it runs, or after `stop()`: what is not taken waits in the bounded spool, so a slow consumer never
 * makes the kernel drop events. `await using` puts every setting back, however the block is left.
 */
export class Tracer implements AsyncIterable<EventBatch>, AsyncDisposable {
  #native: NativeTracer;
  #wake: () => void = () => {};
  #stopped = false;
  #ended = false;
  #closed = false;
  #lastCounters: NativeCounters | null = null;
  readonly #over = new AbortController();
  #unprotect: () => void;
  readonly #spool: Folder | null;
  /** The source chosen and why, its buffers, the record version. */
  readonly info: NativeTracerInfo;

  private constructor(options: TracerOptions, spool: Folder | null) {
    this.#spool = spool;
    this.#native = new native.Tracer(
      {
        source: options.source ?? 'auto',
        devices: options.devices,
        actions: options.actions ?? 'needed',
        ring: options.ring ?? 'pages',
        files: options.files ?? [],
        bufferBytes: options.bufferBytes ?? 0,
        bufferCount: options.bufferCount ?? 0,
        firstSector: options.firstSector ?? 0n,
        lastSector: options.lastSector ?? 2n ** 64n - 1n,
        pid: options.pid ?? 0,
        spoolBytes: options.spoolBytes ?? 256 * 2 ** 20,
        spoolDirectory: spool?.path ?? '',
        spoolFileBytes: options.spoolFileBytes ?? 8 * 2 ** 30,
        onFull: options.onFull ?? 'drop',
        deliver: options.deliver ?? true,
        journalDirectory: journalDirectory(),
      },
      () => this.#wake(),
    );
    this.#unprotect = protectFromOomKiller();
    try {
      this.info = this.#native.start();
    } catch (error) {
      this.#unprotect();
      this.#native.close();
      throw error;
    }
    options.signal?.addEventListener('abort', () => this.#stopAborted(), { once: true });
    if (options.signal?.aborted) this.stop();
  }

  /** Starts tracing. Throws BlkscopeError: not root, no such device, tracer busy, tracefs not mounted. */
  static start(options: TracerOptions): Tracer {
    const { spoolDirectory: path } = options;
    const spool = path ? openSpoolFolder(path) : null;
    try {
      return new Tracer(options, spool);
    } catch (error) {
      spool?.[Symbol.dispose]();
      if (spool && error instanceof Error) error.message = error.message.replaceAll(spool.path, `${path}`);
      throw asBlkscopeError(error);
    }
  }

  /**
   * Ends tracing, drains the kernel and puts its settings back; what was captured can still be iterated.
   * Throws BlkscopeError NOT_UNDONE when a setting could not be put back: it stays in the journal for `recover()`.
   */
  stop(): void {
    if (this.#stopped || this.#closed) return;
    this.#stopped = true;
    this.#over.abort();
    this.#unprotect();
    try {
      this.#native.stop();
    } catch (error) {
      throw asBlkscopeError(error);
    }
  }

  /** An abort has no caller to throw to. */
  #stopAborted(): void {
    try {
      this.stop();
    } catch (error) {
      process.emitWarning(error as Error);
    }
  }

  /**
   * The running figures, every `intervalMs` until tracing stops, and once more then. Ends early, without an error,
   * when `signal` aborts.
   */
  progress(
    intervalMs = 500,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<TracerProgress, void, undefined> {
    const over = signal ? AbortSignal.any([signal, this.#over.signal]) : this.#over.signal;
    return progressOf(() => this.counters(), intervalMs, over);
  }

  /** After the end, what they were then. */
  counters(): NativeCounters {
    return this.#lastCounters ?? this.#native.counters();
  }

  /**
   * Completed reads since the last call, for a view of what goes on; the first call gives none. It costs the trace nothing that
   * counts, and is no record: what is not taken within a second or so is left out, and `missed` says how many.
   */
  takeReads(): NativeReads | null {
    return this.#closed ? null : this.#native.takeReads();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EventBatch, void, undefined> {
    while (!this.#ended && !this.#closed) {
      const ready = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const batch = this.#native.takeBatch();
      if (batch === 'ended') this.#ended = true;
      else if (batch) yield eventBatch(batch);
      else await ready;
    }
  }

  /** The same events as rows: convenient, slower. */
  async *events(): AsyncGenerator<BlockEvent, void, undefined> {
    for await (const batch of this) yield* batch.rows();
  }

  /** Stops, takes what is left without looking at it, and gives the figures of the whole trace. */
  async summary(): Promise<NativeSummary> {
    this.stop();
    for await (const _ of this);
    if (this.#closed)
      throw new BlkscopeError('CLOSED', 'the tracer was closed before its summary was taken', 'internal');
    return this.#native.summary();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lastCounters ??= this.#native.counters();
    const wasOpen = !this.#closed;
    this.#closed = true;
    this.#over.abort();
    this.#native.close();
    if (wasOpen) this.#spool?.[Symbol.dispose]();
    this.#unprotect();
    this.#wake();
  }
}

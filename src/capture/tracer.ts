import { BlkscopeError } from '../errors.js';
import type { Folder } from '../files/folder.js';
import { deviceNumber } from '../machine/machine.js';
import { putBackAtExit } from '../machine/put-back.js';
import { journalDirectory } from '../machine/recover.js';
import { native } from '../native/binding.js';
import { asBlkscopeError } from '../native/native-error.js';
import type {
  NativeCounters,
  NativeReads,
  NativeSummary,
  NativeTracer,
  NativeTracerInfo,
} from '../native/trace.js';
import { keepAlive } from '../process/keep-alive.js';
import { protectFromOomKiller } from '../process/oom-protection.js';
import { type BlockEvent, type EventBatch, eventBatch } from './batch.js';
import { type CaptureProgress, progressOf } from './progress.js';
import { openSpoolFolder } from './spool-folder.js';
import { type TracerOptions, type TracerSetup, tracerSetup } from './tracer-options.js';

/** A device that is traced: its kernel name, and the number that events have (major << 20 | minor). */
export interface TracedDevice {
  name: string;
  number: number;
}

/** Told when batches are ready, and able to outlive who is told. */
interface Bell {
  ring: () => void;
}

/**
 * A running trace: an async iterable of batches.
 *
 * Iterate while it runs, or after `stop()`: what is not taken waits in the bounded spool, so a slow consumer never
 * makes the kernel drop events. One loop at a time takes the batches; a loop that was left can be taken up by another.
 *
 * A running trace keeps the process alive, until `stop()`, `summary()`, `close()`, or until a loop over it is left. However the
 * process ends then - by itself, by `process.exit()`, an error, or by a signal that it does not handle - the machine is put
 * back as it was. `await using` does so when its block is left, and `close()` at once.
 *
 * Needs root. All errors are BlkscopeErrors.
 *
 * @example
 * const tracer = Tracer.start({ devices: ['/dev/vda'] });
 * setTimeout(() => tracer.stop(), 1000);
 * for await (const { sector, bytes, length } of tracer) console.log(length, sector[0], bytes[0]);
 * console.log((await tracer.summary()).reads.bytes);
 * tracer.close();
 */
export class Tracer implements AsyncIterable<EventBatch>, AsyncDisposable, Disposable {
  readonly #native: NativeTracer;
  readonly #bell: Bell = { ring: () => {} };
  readonly #over = new AbortController();
  readonly #undone: () => void;
  readonly #unprotect: () => void;
  readonly #release: () => void;
  readonly #stopAborted = () => this.#stopUnasked();
  #signal: AbortSignal | undefined;
  #taking = false;
  #stopped = false;
  #ended = false;
  #closed = false;
  #lastCounters: NativeCounters | null = null;
  readonly #spool: Folder | null;
  /** The source chosen and why, its buffers, the record version. */
  readonly info: NativeTracerInfo;
  /** What is traced, the disk of the files first. */
  readonly devices: readonly TracedDevice[];

  private constructor({ native: options, signal, signals }: TracerSetup, spool: Folder | null) {
    const bell = this.#bell; // alone: the native part must not hold the tracer
    this.#spool = spool;
    this.#native = new native.Tracer(
      { ...options, spoolDirectory: spool?.path ?? '', journalDirectory: journalDirectory() },
      () => bell.ring(),
    );
    this.devices = options.devices.map((name) => ({ name, number: deviceNumber(name) }));
    this.#undone = putBackAtExit(() => this.close(), signals);
    this.#unprotect = protectFromOomKiller();
    this.#release = keepAlive();
    try {
      this.info = this.#native.start();
      this.#signal = signal;
      signal?.addEventListener('abort', this.#stopAborted, { once: true });
    } catch (error) {
      this.#closed = true;
      this.#native.close();
      this.#letGo();
      throw error;
    }
  }

  /**
   * Starts tracing. An abort that came before is thrown, and nothing done.
   *
   * @throws BlkscopeError: BAD_ARGUMENT, NO_DEVICE, WRONG_DEVICE, EPERM (not root), TRACER_BUSY, NO_TRACEFS, LOCKDOWN and
   * others that docs/api.md lists; the signal's reason.
   * @example
   * const tracer = Tracer.start({ files: ['model.gguf'], spoolBytes: '64M', signal: AbortSignal.timeout(10_000) });
   */
  static start(options: TracerOptions): Tracer {
    const setup = tracerSetup(options);
    setup.signal?.throwIfAborted();
    const { spoolDirectory: path } = setup.native;
    const spool = path ? openSpoolFolder(path) : null;
    try {
      return new Tracer(setup, spool);
    } catch (error) {
      spool?.[Symbol.dispose]();
      if (spool && error instanceof Error) error.message = error.message.replaceAll(spool.path, `${path}`);
      throw asBlkscopeError(error);
    }
  }

  /**
   * Ends tracing, drains the kernel and puts its settings back; what was captured can still be iterated. Does nothing the second
   * time.
   *
   * @throws BlkscopeError NOT_UNDONE when a setting could not be put back: it stays in the journal for `recover()`.
   */
  stop(): void {
    if (this.#stopped || this.#closed) return;
    this.#stopped = true;
    this.#over.abort();
    try {
      this.#native.stop();
    } catch (error) {
      throw asBlkscopeError(error);
    } finally {
      this.#letGo();
    }
  }

  /** Nothing of the machine is changed any more, and nobody needs to wait for it. */
  #letGo(): void {
    this.#signal?.removeEventListener('abort', this.#stopAborted);
    this.#unprotect();
    this.#release();
    this.#undone();
  }

  /** An abort has no caller to throw to. */
  #stopUnasked(): void {
    try {
      this.stop();
    } catch (error) {
      process.emitWarning(error as Error);
    }
  }

  /**
   * The running figures, every `intervalMs` until tracing stops, and once more then. Ends early, without an error,
   * when `signal` aborts. Any number of loops may ask for them. Rates are per second since the last time.
   *
   * @throws BlkscopeError BAD_ARGUMENT for an interval that is no number above 0.
   * @example
   * for await (const { readBytesPerSecond } of tracer.progress(1000)) console.log(readBytesPerSecond / 1e6, 'MB/s');
   */
  progress(
    intervalMs = 500,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<CaptureProgress, void, undefined> {
    if (!(intervalMs > 0 && intervalMs < 2 ** 31))
      throw new BlkscopeError('BAD_ARGUMENT', `progress: ${intervalMs} is no number of milliseconds`);
    const over = signal ? AbortSignal.any([signal, this.#over.signal]) : this.#over.signal;
    return progressOf(() => this.counters(), intervalMs, over);
  }

  /** Running counters, cheap to ask for at any time; after the end, what they were then. */
  counters(): NativeCounters {
    return this.#lastCounters ?? this.#native.counters();
  }

  /**
   * Completed reads since the last call, for a view of what goes on; the first call gives none, and none come from a closed
   * tracer (null). It costs the trace nothing that counts, and is no record: what is not taken within a second or so is left
   * out, and `missed` says how many.
   */
  takeReads(): NativeReads | null {
    return this.#closed ? null : this.#native.takeReads();
  }

  /**
   * Batches in order of time, until tracing has stopped and all are taken. Leaving the loop does not stop the trace.
   *
   * @throws BlkscopeError IN_USE when another loop takes them.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<EventBatch, void, undefined> {
    this.#requireUntaken();
    this.#taking = true;
    const release = keepAlive();
    try {
      while (!this.#ended && !this.#closed) {
        const ready = new Promise<void>((resolve) => {
          this.#bell.ring = resolve;
        });
        const batch = this.#native.takeBatch();
        if (batch === 'ended') this.#ended = true;
        else if (batch) yield eventBatch(batch);
        else await ready;
      }
    } finally {
      this.#taking = false;
      release();
      this.#release(); // whoever leaves a loop early waits for the trace no more
    }
  }

  #requireUntaken(): void {
    if (!this.#taking) return;
    throw new BlkscopeError(
      'IN_USE',
      'a loop takes the batches of this tracer: leave it, or stop the tracer and await its end, and then ask again',
    );
  }

  /** The same events as rows: convenient, slower. */
  async *events(): AsyncGenerator<BlockEvent, void, undefined> {
    for await (const batch of this) yield* batch.rows();
  }

  /**
   * Stops, takes what is left without looking at it, and gives the figures of the whole trace. May be asked for again.
   *
   * @throws BlkscopeError: IN_USE while a loop takes the batches: what is left is that loop's; CLOSED; NOT_UNDONE as `stop`.
   * @example
   * const { reads, defects } = await tracer.summary();
   * console.log(reads.count, reads.bytes, reads.uniqueSectors, defects.length === 0);
   */
  async summary(): Promise<NativeSummary> {
    this.#requireUntaken();
    this.stop();
    for await (const _ of this);
    if (this.#closed) throw new BlkscopeError('CLOSED', 'the tracer was closed before its summary was taken');
    return this.#native.summary();
  }

  /**
   * Stops, and frees what was captured and not taken: a loop that runs ends. Does nothing the second time.
   *
   * @throws BlkscopeError NOT_UNDONE as `stop`; it is closed all the same.
   */
  close(): void {
    if (this.#closed) return;
    try {
      this.stop();
    } finally {
      this.#lastCounters = this.#native.counters();
      this.#closed = true;
      this.#native.close();
      this.#spool?.[Symbol.dispose]();
      this.#bell.ring();
    }
  }

  /** `using`: see `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** `await using`: see `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

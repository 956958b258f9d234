import { noProgress, type Progress } from './progress.js';
import type { SignalOptions } from './put-back.js';

/** One step of a run, for config.json: when it began, after the run's start, and how long it took. */
export interface StepRecord {
  name: string;
  atNs: number;
  tookNs: number;
  /** Set when the step failed. */
  error?: string;
}

/**
 * A run's steps in order, each logged with its time, and what undoes them, in reverse.
 *
 * A step's undo is known before the next one starts, so whatever ends the run - success, an error, a signal - leaves
 * the machine as it was: `await using steps = new Steps()` is all that is needed.
 */
export class Steps implements AsyncDisposable {
  readonly records: StepRecord[] = [];
  readonly #undos: { name: string; undo: () => void | Promise<void> }[] = [];
  readonly #startedNs = process.hrtime.bigint();
  readonly #progress: Progress;
  readonly #signal: AbortSignal | undefined;

  /** `signals`: for the changes that the steps make. */
  constructor(
    progress: Progress = noProgress,
    signal?: AbortSignal,
    readonly signals: SignalOptions = {},
  ) {
    this.#progress = progress;
    this.#signal = signal;
  }

  /** Runs a step, unless the run was aborted before it. */
  async step<T>(name: string, action: () => T | Promise<T>): Promise<T> {
    this.#signal?.throwIfAborted();
    return this.#logged(name, action);
  }

  /** Runs a step of the way back, which an abort does not prevent. */
  async closingStep<T>(name: string, action: () => T | Promise<T>): Promise<T> {
    return this.#logged(name, action);
  }

  /** Names what undoes the step just made. */
  onUndo(name: string, undo: () => void | Promise<void>): void {
    this.#undos.push({ name, undo });
  }

  /** Undoes everything in reverse. All is tried; what fails is told as a warning, with its reason. */
  async undo(): Promise<void> {
    for (let last = this.#undos.pop(); last; last = this.#undos.pop()) {
      try {
        await this.#logged(last.name, last.undo);
      } catch (error) {
        this.#progress.warn(`${last.name}: ${(error as Error).message}`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.undo();
  }

  async #logged<T>(name: string, action: () => T | Promise<T>): Promise<T> {
    this.#progress.step(name);
    const at = process.hrtime.bigint();
    const record: StepRecord = { name, atNs: Number(at - this.#startedNs), tookNs: 0 };
    this.records.push(record);
    try {
      return await action();
    } catch (error) {
      record.error = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      record.tookNs = Number(process.hrtime.bigint() - at);
    }
  }
}

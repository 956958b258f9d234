import { type EventBatch, eventBatch } from '../capture/batch.js';
import { native } from '../native/binding.js';
import { asBlkscopeError } from '../native/native-error.js';
import type { NativeImporter, NativeImportOptions } from '../native/trace.js';
import { keepAlive } from '../process/keep-alive.js';

/** A saved trace as an async iterable of batches in time order, read natively while it is iterated. */
export class Importer implements AsyncIterable<EventBatch>, Disposable {
  readonly #native: NativeImporter;
  #wake: () => void = () => {};

  constructor(options: NativeImportOptions) {
    this.#native = new native.Importer(options, () => this.#wake());
  }

  /** Throws BlkscopeError: no such file, no trace, nothing in it, no room for a copy (standard input, dumps). */
  async *[Symbol.asyncIterator](): AsyncGenerator<EventBatch, void, undefined> {
    const release = keepAlive();
    try {
      for (;;) {
        const ready = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        const batch = this.#native.takeBatch();
        if (batch === 'ended') return;
        if (batch) yield eventBatch(batch);
        else await ready;
      }
    } catch (error) {
      throw asBlkscopeError(error);
    } finally {
      release();
    }
  }

  /** Ends the reading; what was read until then can still be iterated. */
  stop(): void {
    this.#native.stop();
  }

  get events(): number {
    return this.#native.events();
  }

  /** The figures of the whole trace; reads what is left. */
  async summary(): Promise<ReturnType<NativeImporter['summary']>> {
    for await (const _ of this);
    return this.#native.summary();
  }

  [Symbol.dispose](): void {
    this.#native.close();
    this.#wake();
  }
}

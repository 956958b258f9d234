import { rmSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';
import { StoreWriter } from '../store/store.js';

/** A run's trace.duckdb, as far as the disk takes it: a run whose events cannot be written keeps its figures. */
export class KeptTrace implements AsyncDisposable {
  readonly #path: string;
  #store: StoreWriter | null = null;
  #failure: BlkscopeError | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Why the events are not kept; null while they are. */
  get failure(): BlkscopeError | null {
    return this.#failure;
  }

  /** Lets `action` write, unless that has failed before. Throws only what is not the file's fault. */
  async write(action: (store: StoreWriter) => Promise<unknown>): Promise<void> {
    if (this.#failure) return;
    try {
      this.#store ??= await StoreWriter.create(this.#path, {
        actions: native.actionNames,
        directions: native.directionNames,
      });
      await action(this.#store);
    } catch (error) {
      if (!(error instanceof BlkscopeError) || !unwritable.has(error.code)) throw error;
      this.#failure = error;
      await this[Symbol.asyncDispose]();
      // What little is left of the disk is for the figures.
      for (const file of [this.#path, `${this.#path}.wal`]) rmSync(file, { force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]();
    this.#store = null;
  }
}

/** `STORE`: what else the database says when it cannot write, an I/O error of the disk for one. */
const unwritable = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'STORE']);

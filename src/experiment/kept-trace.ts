import { BlkscopeError } from '../errors.js';
import { removeOwn } from '../files/write.js';
import { native } from '../native/binding.js';
import type { StoreWriter } from '../store/store.js';

/** A run's trace.duckdb, as far as the disk takes it: a run whose events cannot be written keeps its figures. */
export class KeptTrace implements AsyncDisposable {
  readonly #path: string | null;
  #store: StoreWriter | null = null;
  #failure: BlkscopeError | null = null;

  /** `path` null: no events are kept. */
  constructor(path: string | null) {
    this.#path = path;
  }

  /** Why the events are not kept; null while they are. */
  get failure(): BlkscopeError | null {
    return this.#failure;
  }

  /** Lets `action` write, unless that has failed before. Throws only what is not the file's fault. */
  async write(action: (store: StoreWriter) => Promise<unknown>): Promise<void> {
    const path = this.#path;
    if (path === null || this.#failure) return;
    try {
      this.#store ??= await created(path);
      await action(this.#store);
    } catch (error) {
      if (!(error instanceof BlkscopeError) || !unwritable.has(error.code)) throw error;
      this.#failure = error;
      await this[Symbol.asyncDispose]();
      // What little is left of the disk is for the figures.
      for (const file of [path, `${path}.wal`]) removeOwn(file);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]();
    this.#store = null;
  }
}

/** The database is loaded when there is something to write. */
async function created(path: string): Promise<StoreWriter> {
  const { StoreWriter } = await import('../store/store.js');
  return StoreWriter.create(path, { actions: native.actionNames, directions: native.directionNames });
}

/** `STORE`: what else the database says when it cannot write, an I/O error of the disk for one. */
const unwritable = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'STORE']);

import { existsSync, realpathSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import type { Model } from '../model/gguf.js';
import { native, touchLibrary } from '../native/binding.js';
import type { NativeCacheAccount, NativeReadFates } from '../native/touches.js';
import { TouchWatch } from './touch-watch.js';

/** A piece of a watched file. `whole`: whoever uses a page of it uses all of it. */
export interface WatchedRegion {
  /** Index of the watched files. */
  file: number;
  offset: number;
  bytes: number;
  whole: boolean;
}

/** What was recorded of files in the page cache, to be told by region and time. */
export interface CacheRecord {
  /** Real paths of the files. */
  paths: readonly string[];
  /** Events that the kernel had no room for: with any, no figure is exact. */
  lost: number;
  /** When the library took all pages out of llama.cpp's page tables: what was mapped before is of no more account. null: it did not. */
  unmappedAt: bigint | null;
  /**
   * Bytes by what became of them, a row for each slot of time and region, by slot. Regions are sorted by file and offset;
   * `slots` tells when each slot begins, ascending, none: one slot.
   */
  fates(
    regions: readonly WatchedRegion[],
    slots: readonly bigint[],
    unmappedAt?: bigint | null,
  ): NativeReadFates;
}

/**
 * Watches what becomes of every page that is read of files: when it comes into the page cache, and whether the workload uses it
 * before it goes. docs/account.md has the method and its limits.
 */
export class CacheWatch {
  readonly #account: NativeCacheAccount;
  readonly #paths: string[];
  /** Has llama.cpp's passes begin with pages that nothing has mapped yet. null: it cannot be loaded, or something else does. */
  readonly passes: TouchWatch | null;

  /**
   * Of these files; `model`, if it is given, is what llama.cpp runs, and is among them. `passes`: watched by `--touches` already.
   *
   * Throws BlkscopeError NO_ACCOUNT where the kernel does not tell.
   */
  constructor(paths: readonly string[], model: Model | null, { passesWatched = false } = {}) {
    this.#paths = paths.map((path) => realpathSync(path));
    this.#account = toldByKernel(() => new native.CacheAccount(this.#paths));
    this.passes =
      model && !passesWatched && existsSync(touchLibrary())
        ? new TouchWatch(model, 1, { pieces: false, follow: true })
        : null;
  }

  /** When the workload's process is there and has mapped nothing yet. Throws BlkscopeError NO_ACCOUNT. */
  attach(pid: number): void {
    toldByKernel(() => this.#account.attach(pid));
  }

  /** Once, when the workload has ended, before what it left in the page cache goes. */
  stop(): CacheRecord {
    const lost = this.#account.stop();
    return {
      paths: this.#paths,
      lost,
      unmappedAt: this.passes?.firstPass() ?? null,
      fates: (regions, slots, unmappedAt) =>
        this.#account.fates({
          regions: {
            files: Uint32Array.from(regions, ({ file }) => file),
            offsets: BigUint64Array.from(regions, ({ offset }) => BigInt(offset)),
            bytes: BigUint64Array.from(regions, ({ bytes }) => BigInt(bytes)),
            whole: Uint8Array.from(regions, ({ whole }) => Number(whole)),
          },
          slots: BigUint64Array.from(slots),
          ...(unmappedAt == null ? {} : { unmappedAt }),
        }),
    };
  }
}

function toldByKernel<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    const lacks =
      code === 'NO_TRACEPOINT' ? `${message}: it takes Linux 6.12 or later; leave the option out` : message;
    throw new BlkscopeError('NO_ACCOUNT', `--account: ${lacks}`, 'unsupported', { cause: error });
  }
}

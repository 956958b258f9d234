import { native } from '../native/binding.js';
import type { NativeSectorSet } from '../native/regions.js';

/** `count` sectors of 512 bytes from `start` on. */
export interface SectorRange {
  start: bigint;
  count: bigint;
}

/**
 * The union of ranges of sectors, exact to the sector: what a trace read at least once, however often and in whatever
 * order.
 *
 *     const read = new SectorSet();
 *     read.insert(1000n, 8n);
 *     read.insert(1004n, 8n);
 *     read.size;                // 12n
 *     read.intersect(0n, 1004n) // 4n
 *
 * Memory is at most 1.1 bits a sector, and next to nothing for what is read from end to end.
 */
export class SectorSet implements Iterable<SectorRange> {
  #set: NativeSectorSet = new native.SectorSet();

  /** Adds sectors [start, start + count). Throws TypeError BAD_ARGUMENT: not a sector, or not a count. */
  insert(start: bigint, count: bigint | number): void {
    this.#set.insert(start, count);
  }

  /** Adds many ranges at once: `starts` and `counts` of one length. Throws TypeError BAD_ARGUMENT. */
  insertMany(starts: BigUint64Array, counts: Uint32Array): void {
    this.#set.insertMany(starts, counts);
  }

  /** How many sectors are in the set. */
  get size(): bigint {
    return this.#set.size;
  }

  /** How many sectors of [start, start + count) are in the set. */
  intersect(start: bigint, count: bigint | number): bigint {
    return this.#set.intersect(start, count);
  }

  /** The sectors in either set, as a set of its own. */
  union(other: SectorSet): SectorSet {
    return SectorSet.#of(this.#set.union(other.#set));
  }

  /** The sectors of this set that are not in `other`: what one run read and the other did not. */
  difference(other: SectorSet): SectorSet {
    return SectorSet.#of(this.#set.difference(other.#set));
  }

  /** The largest ranges that make up the set, ascending, with gaps between them. */
  *[Symbol.iterator](): Generator<SectorRange, void, undefined> {
    const { starts, counts } = this.#set.intervals();
    for (let i = 0; i < starts.length; i++) yield { start: starts[i] as bigint, count: counts[i] as bigint };
  }

  clear(): void {
    this.#set.clear();
  }

  /** Bytes of memory the set takes. */
  get memoryBytes(): number {
    return this.#set.memoryBytes;
  }

  /** False once ranges were dropped for want of memory: all figures are then lower bounds. */
  get complete(): boolean {
    return this.#set.complete;
  }

  static #of(set: NativeSectorSet): SectorSet {
    const made = new SectorSet();
    made.#set = set;
    return made;
  }
}

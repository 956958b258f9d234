import type { InspectOptionsStylized, inspect } from 'node:util';
import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';
import { asBlkscopeError } from '../native/native-error.js';
import type { NativeSectorSet } from '../native/regions.js';

/** `count` sectors of 512 bytes from `start` on. */
export interface SectorRange {
  start: bigint;
  count: bigint;
}

/** How many ranges a console shows. */
const shownRanges = 8;

/**
 * The union of ranges of sectors, exact to the sector: what a trace read at least once, however often and in whatever
 * order. Sectors and counts are bigints, of 512 bytes each; numbers are taken too.
 *
 * Memory is at most 1.1 bits a sector, and next to nothing for what is read from end to end.
 *
 * @throws BlkscopeError BAD_ARGUMENT of each method: not a sector from 0 to 2^64 - 1, not a count, columns of two lengths.
 * @example
 * const read = new SectorSet();
 * read.insert(1000, 8);
 * read.insert(1004n, 8n);
 * read.size;              // 12n
 * read.has(1011n);        // true
 * read.countIn(0, 1004);  // 4n
 * [...read];              // [{ start: 1000n, count: 12n }]
 */
export class SectorSet implements Iterable<SectorRange> {
  #set: NativeSectorSet = new native.SectorSet();

  /** Adds sectors [start, start + count). */
  insert(start: bigint | number, count: bigint | number): void {
    refusing(() => this.#set.insert(sector(start), count));
  }

  /** Adds many ranges at once: `starts` and `counts` of one length, as the columns `sector` and `sectors` of events are. */
  insertMany(starts: BigUint64Array, counts: Uint32Array): void {
    refusing(() => this.#set.insertMany(starts, counts));
  }

  /** How many sectors are in the set. */
  get size(): bigint {
    return this.#set.size;
  }

  /** Whether a sector is in the set. */
  has(start: bigint | number): boolean {
    return this.countIn(start, 1) === 1n;
  }

  /** How many sectors of [start, start + count) are in the set. */
  countIn(start: bigint | number, count: bigint | number): bigint {
    return refusing(() => this.#set.intersect(sector(start), count));
  }

  /** The sectors in either set, as a set of its own. */
  union(other: SectorSet): SectorSet {
    return SectorSet.#of(refusing(() => this.#set.union(SectorSet.#in(other))));
  }

  /** The sectors in both sets, as a set of its own: what two runs read. */
  intersection(other: SectorSet): SectorSet {
    return this.difference(this.difference(other));
  }

  /** The sectors of this set that are not in `other`: what one run read and the other did not. */
  difference(other: SectorSet): SectorSet {
    return SectorSet.#of(refusing(() => this.#set.difference(SectorSet.#in(other))));
  }

  /** The largest ranges that make up the set, ascending, with gaps between them. */
  *[Symbol.iterator](): Generator<SectorRange, void, undefined> {
    const { starts, counts } = this.#set.intervals();
    for (let i = 0; i < starts.length; i++) yield { start: starts[i] as bigint, count: counts[i] as bigint };
  }

  /** Takes all sectors out. */
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

  /** What a console shows: the size and the first ranges. */
  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    options: InspectOptionsStylized,
    show: typeof inspect,
  ): string {
    const { starts, counts } = this.#set.intervals();
    const first = Array.from(starts.subarray(0, shownRanges), (start, i) => `${start}+${counts[i]}`);
    const more = starts.length > shownRanges ? [`and ${starts.length - shownRanges} more ranges`] : [];
    const content = [`size: ${show(this.size, options)}`, ...first, ...more];
    return `SectorSet { ${content.join(', ')} }`;
  }

  static #of(set: NativeSectorSet): SectorSet {
    const made = new SectorSet();
    made.#set = set;
    return made;
  }

  static #in(other: SectorSet): NativeSectorSet {
    if (other instanceof SectorSet) return other.#set;
    throw new BlkscopeError('BAD_ARGUMENT', 'a SectorSet is joined with another SectorSet, and nothing else');
  }
}

function sector(start: bigint | number): bigint {
  if (typeof start === 'bigint') return start;
  if (Number.isSafeInteger(start)) return BigInt(start);
  throw new BlkscopeError('BAD_ARGUMENT', `${String(start)} is not a sector; give a whole number from 0 on`);
}

function refusing<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asBlkscopeError(error);
  }
}

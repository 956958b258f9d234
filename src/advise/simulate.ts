import type { Region } from '../model/regions.js';
import { native } from '../native/binding.js';
import type { ByteRange } from '../native/memory.js';

/** What tokens touch, in their order: the input of a prediction. Regions by index. */
export interface AccessPattern {
  regions: readonly Region[];
  /** Touched by the prompt. */
  prompt: readonly number[];
  /** Touched by each token. */
  tokens: readonly (readonly number[])[];
  /** Of which each token reads a place, one or another, as often as it is here: tables that are looked up. */
  lookedUp: readonly number[];
}

/** Under which conditions. Bytes. */
export interface CacheConditions {
  pageBytes: number;
  /** For the model's pages, those that are pinned included. */
  memoryBytes: number;
  readAheadKib: number;
  /** Held, by part of the model. */
  pinned: readonly { ranges: readonly ByteRange[] }[];
}

/** What is read for a token, on average. */
export interface Simulated {
  bytesPerToken: number;
  /** Of them, read ahead and evicted before they were used. */
  unusedBytesPerToken: number;
  /** Times that the program waited for the disk. */
  waitsPerToken: number;
}

const smallestBlock = 16 * 1024;
/** More blocks than this cost seconds and show nothing more. */
const mostBlocks = 1 << 17;

/** The most that readahead reads at once: llama.cpp tells the kernel that it reads in sequence, which doubles it. */
export function windowBytes(readAheadKib: number): number {
  return 2 * readAheadKib * 1024;
}

/** Runs load, prompt and tokens through a model of the page cache, and counts what the tokens read. */
export function simulate(pattern: AccessPattern, conditions: CacheConditions): Simulated {
  const { blockBytes, blocks, items, tokenStarts, rangeOf } = blockTouches(pattern, conditions.pageBytes);
  const pinned = conditions.pinned.flatMap(({ ranges }, part) =>
    ranges.map((range) => rangeOf(part, range.offset, range.bytes)),
  );
  const pinnedBlocks = pinned.reduce((sum, { from, to }) => sum + to - from, 0);
  const { read, unused, waits } = native.pageCacheReads({
    ...{ blocks, touches: items, counted: tokenStarts[0] ?? items.length },
    capacity: Math.max(0, Math.floor(conditions.memoryBytes / blockBytes) - pinnedBlocks),
    ...cacheOf(conditions.readAheadKib, blockBytes, blocks),
    refresh: Math.round(blocks * usualRefresh),
    pinnedFrom: Uint32Array.from(pinned, ({ from }) => from),
    pinnedTo: Uint32Array.from(pinned, ({ to }) => to),
  });
  const tokens = Math.max(1, pattern.tokens.length);
  return {
    bytesPerToken: (read * blockBytes) / tokens,
    unusedBytesPerToken: (unused * blockBytes) / tokens,
    waitsPerToken: waits / tokens,
  };
}

/** What the model of the page cache is told of a file in blocks whose load is played first. */
export function cacheOf(readAheadKib: number, blockBytes: number, blocks: number) {
  return {
    readAheadWindow: Math.floor(windowBytes(readAheadKib) / blockBytes),
    blockPages: Math.max(1, blockBytes / 4096),
    loadTouches: blocks,
  };
}

/**
 * The kernel sums up the lengths of its lists every two seconds, wherever the walk is then: shares of a file's walk. What is
 * read for a token depends on it by chance.
 */
export const refreshShares = [0.11, 0.29, 0.62, 1.13, 1.79] as const;
const usualRefresh = refreshShares[2];

/** A pattern as touches of the model's blocks: the load of the whole file, the prompt, then each token. */
export interface BlockTouches {
  blockBytes: number;
  blocks: number;
  items: Uint32Array;
  /** Index of each token's first touch. */
  tokenStarts: number[];
  /** The blocks of a range of a part. */
  rangeOf(part: number, offset: number, bytes: number): BlockRange;
}

interface BlockRange {
  from: number;
  to: number;
}

export function blockTouches(pattern: AccessPattern, pageBytes: number): BlockTouches {
  const { regions, prompt, tokens, lookedUp } = pattern;
  const place = new Places(regions, pageBytes);
  const blocksOf = (index: number) => {
    const { part, offset, bytes } = regions[index] as Region;
    return place.blocksOf(part, offset, bytes);
  };
  const rowOf = (index: number, nth: number) => {
    const { from, to } = blocksOf(index);
    const row = Math.min(from + Math.floor(placeOf(nth) * (to - from)), place.blocks - 1);
    return { from: row, to: row + 1 };
  };
  const ofTokens = tokens.map((touched, token) => [
    ...lookedUp.map((index, i) => rowOf(index, token * lookedUp.length + i)),
    ...touched.map(blocksOf),
  ]);
  const load = [{ from: 0, to: place.blocks }]; // loading maps the whole file and reads it in
  const passes = [load, prompt.map(blocksOf), ...ofTokens];
  const sizes = passes.map((ranges) => ranges.reduce((sum, { from, to }) => sum + to - from, 0));
  const items = new Uint32Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const { from, to } of passes.flat()) {
    for (let block = from; block < to; block++) items[at++] = block;
  }
  const tokenStarts: number[] = [];
  sizes.reduce((start, size, pass) => {
    if (pass > 1) tokenStarts.push(start);
    return start + size;
  }, 0);
  const { blockBytes, blocks } = place;
  return { blockBytes, blocks, items, tokenStarts, rangeOf: (...range) => place.blocksOf(...range) };
}

/** Where in a table the nth row that is looked up lies, from 0 to 1: spread evenly, and the same each time. */
function placeOf(nth: number): number {
  const goldenRatio = (Math.sqrt(5) - 1) / 2;
  return ((nth + 1) * goldenRatio) % 1;
}

/** The model's parts laid one after another in blocks. */
class Places {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly #firstBlocks: number[];

  constructor(regions: readonly Region[], pageBytes: number) {
    const partBytes: number[] = [];
    for (const { part, offset, bytes } of regions)
      partBytes[part] = Math.max(partBytes[part] ?? 0, offset + bytes);
    const all = partBytes.reduce((sum, bytes) => sum + bytes, 0);
    let blockBytes = Math.max(smallestBlock, pageBytes);
    while (all / blockBytes > mostBlocks) blockBytes *= 2;
    this.blockBytes = blockBytes;
    let blocks = 0;
    this.#firstBlocks = partBytes.map((bytes) => {
      const first = blocks;
      blocks += Math.ceil(bytes / blockBytes);
      return first;
    });
    this.blocks = blocks;
  }

  /** The blocks that lie in a range by more than half. */
  blocksOf(part: number, offset: number, bytes: number): BlockRange {
    const first = this.#firstBlocks[part] as number;
    const from = first + Math.round(offset / this.blockBytes);
    return { from, to: first + Math.round((offset + bytes) / this.blockBytes) };
  }
}

import type { Region } from '../model/regions.js';
import type { ByteRange } from '../native/memory.js';
import { PageCache } from './page-cache.js';

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
export interface Conditions {
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
export function simulate(pattern: AccessPattern, conditions: Conditions): Simulated {
  const place = new Places(pattern.regions, conditions.pageBytes);
  const { blockBytes } = place;
  const pinned = conditions.pinned.flatMap(({ ranges }, part) =>
    ranges.map((range) => place.blocksOf(part, range.offset, range.bytes)),
  );
  const pinnedBlocks = pinned.reduce((sum, { from, to }) => sum + to - from, 0);
  const window = Math.floor(windowBytes(conditions.readAheadKib) / blockBytes);
  const capacity = Math.floor(conditions.memoryBytes / blockBytes) - pinnedBlocks;
  const cache = new PageCache(place.blocks, capacity, window);
  for (const { from, to } of pinned) cache.pin(from, to);
  const touch = ({ from, to }: { from: number; to: number }) => {
    for (let block = from; block < to; block++) cache.access(block);
  };
  const blocksOf = (index: number) => {
    const { part, offset, bytes } = pattern.regions[index] as Region;
    return place.blocksOf(part, offset, bytes);
  };
  const touchRegion = (index: number) => touch(blocksOf(index));
  const lookUp = (index: number, nth: number) => {
    const { from, to } = blocksOf(index);
    cache.access(from + Math.floor(placeOf(nth) * (to - from)));
  };
  touch({ from: 0, to: place.blocks }); // loading maps the whole file and reads it in
  pattern.prompt.forEach(touchRegion);
  const before = { ...figures(cache) };
  pattern.tokens.forEach((touched, token) => {
    const { lookedUp } = pattern;
    for (const [i, index] of lookedUp.entries()) lookUp(index, token * lookedUp.length + i);
    touched.forEach(touchRegion);
  });
  const after = figures(cache);
  const tokens = Math.max(1, pattern.tokens.length);
  return {
    bytesPerToken: ((after.readBlocks - before.readBlocks) * blockBytes) / tokens,
    unusedBytesPerToken: ((after.unusedBlocks - before.unusedBlocks) * blockBytes) / tokens,
    waitsPerToken: (after.waits - before.waits) / tokens,
  };
}

/** Where in a table the nth row that is looked up lies, from 0 to 1: spread evenly, and the same each time. */
function placeOf(nth: number): number {
  const goldenRatio = (Math.sqrt(5) - 1) / 2;
  return ((nth + 1) * goldenRatio) % 1;
}

function figures({ readBlocks, unusedBlocks, waits }: PageCache) {
  return { readBlocks, unusedBlocks, waits };
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
  blocksOf(part: number, offset: number, bytes: number): { from: number; to: number } {
    const first = this.#firstBlocks[part] as number;
    const from = first + Math.round(offset / this.blockBytes);
    return { from, to: first + Math.max(Math.round((offset + bytes) / this.blockBytes), 0) };
  }
}

/**
 * A model of the kernel's page cache for one mapped file: its readahead for page faults (mm/filemap.c, mm/readahead.c)
 * and its eviction by an inactive and an active list with refaults (mm/vmscan.c, mm/workingset.c). docs/remedy.md says
 * what it leaves out. Works in blocks, of which a page cache holds a few thousand: a run of tokens takes milliseconds.
 */
export class PageCache {
  /** Blocks brought in so far, by faults and by readahead. */
  readBlocks = 0;
  /** Of them, those that were evicted before they were used. */
  unusedBlocks = 0;
  /** Faults that found nothing in the cache: the program waited for the disk. */
  waits = 0;

  readonly #capacity: number;
  readonly #window: number;
  readonly #blocks: number;
  readonly #state: Uint8Array;
  /** Set where an access starts the next window of readahead. */
  readonly #marks: Uint8Array;
  /** The clock of evictions when a block left; -1: it was never here. */
  readonly #leftAt: Int32Array;
  readonly #inactive: List;
  readonly #active: List;
  #clock = 0;
  #windowStart = 0;
  #windowSize = 0;
  #asyncSize = 0;

  /**
   * A file of `blocks`, of which `capacity` can be in memory besides those that are pinned. `window` is the most that
   * readahead reads at once; 0: none.
   */
  constructor(blocks: number, capacity: number, window: number) {
    this.#blocks = blocks;
    this.#capacity = Math.max(1, capacity);
    this.#window = window;
    this.#state = new Uint8Array(blocks);
    this.#marks = new Uint8Array(blocks);
    this.#leftAt = new Int32Array(blocks).fill(-1);
    this.#inactive = new List(blocks);
    this.#active = new List(blocks);
  }

  /** These blocks stay, and take nothing of the capacity. */
  pin(from: number, to: number): void {
    this.#state.fill(pinned, from, to);
  }

  /** A program touches a block. */
  access(block: number): void {
    const state = this.#state[block] as number;
    if (state & pinned) return;
    if (state & present) {
      if (this.#marks[block]) this.#readAhead(block);
    } else {
      this.waits++;
      this.#readAround(block);
    }
    // A window larger than the memory may have pushed it out again; the fault then tries once more, with success.
    if (!((this.#state[block] as number) & present)) this.#bringIn(block);
    this.#state[block] = (this.#state[block] as number) | accessed | used;
  }

  /** A fault that missed reads the window around it. */
  #readAround(block: number): void {
    if (this.#window <= 1) {
      this.#bringIn(block);
      return;
    }
    const start = Math.max(0, block - (this.#window >> 1));
    this.#asyncSize = this.#window >> 2;
    this.#read(start, this.#window);
  }

  /** An access to a marked block reads the next window, ahead of need. */
  #readAhead(block: number): void {
    this.#marks[block] = 0;
    if (block === this.#windowStart + this.#windowSize - this.#asyncSize) {
      this.#asyncSize = this.#window;
      this.#read(this.#windowStart + this.#windowSize, this.#window);
      return;
    }
    // Another stream has moved the window meanwhile: go on after what is there.
    let next = block + 1;
    while (next < this.#blocks && next - block <= this.#window && this.#isThere(next)) next++;
    if (next - block > this.#window) return;
    this.#asyncSize = this.#window;
    this.#read(next, this.#window);
  }

  #read(start: number, size: number): void {
    this.#windowStart = start;
    this.#windowSize = size;
    const end = Math.min(this.#blocks, start + size);
    const mark = start + size - this.#asyncSize;
    for (let block = start; block < end; block++) {
      if (this.#isThere(block)) continue;
      this.#bringIn(block);
      if (block === mark) this.#marks[block] = 1;
    }
  }

  #isThere(block: number): boolean {
    return ((this.#state[block] as number) & (present | pinned)) !== 0;
  }

  #bringIn(block: number): void {
    this.readBlocks++;
    const leftAt = this.#leftAt[block] as number;
    const refault = leftAt >= 0 && this.#clock - leftAt <= this.#active.size;
    this.#state[block] = present;
    this.#marks[block] = 0;
    if (refault) {
      this.#active.push(block);
      this.#clock++;
    } else {
      this.#inactive.push(block);
    }
    while (this.#inactive.size + this.#active.size > this.#capacity) this.#reclaim();
  }

  /** Takes one step of reclaim: the oldest inactive block goes, or gets another round. */
  #reclaim(): void {
    if (this.#active.size > this.#inactive.size) {
      const block = this.#active.shift();
      this.#state[block] = (this.#state[block] as number) & ~accessed;
      this.#inactive.push(block);
      return;
    }
    const block = this.#inactive.shift();
    const state = this.#state[block] as number;
    if (state & accessed && state & referenced) {
      this.#state[block] = state & ~(accessed | referenced);
      this.#active.push(block);
      this.#clock++;
    } else if (state & accessed) {
      this.#state[block] = (state & ~accessed) | referenced;
      this.#inactive.push(block);
    } else {
      if (!(state & used)) this.unusedBlocks++;
      this.#state[block] = 0;
      this.#leftAt[block] = this.#clock++;
    }
  }
}

const present = 1;
const pinned = 2;
/** Touched since reclaim last looked: the accessed bit of a page table. */
const accessed = 4;
/** It was touched once when reclaim looked. */
const referenced = 8;
/** Touched since it was brought in. */
const used = 16;

/** A queue of blocks, each in it at most once; linked by arrays. */
class List {
  size = 0;
  readonly #next: Int32Array;
  #first = -1;
  #last = -1;

  constructor(blocks: number) {
    this.#next = new Int32Array(blocks);
  }

  push(block: number): void {
    this.#next[block] = -1;
    if (this.#last === -1) this.#first = block;
    else this.#next[this.#last] = block;
    this.#last = block;
    this.size++;
  }

  shift(): number {
    const block = this.#first;
    this.#first = this.#next[block] as number;
    if (this.#first === -1) this.#last = -1;
    this.size--;
    return block;
  }
}

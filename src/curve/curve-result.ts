/** What is read for a token with each policy of eviction, on average. Sizes in the curve's unit. */
export interface PolicyReads {
  /** Least recently used first. */
  lru: number;
  /** What was used most by the first half of the tokens is held, all else read each time. */
  pins: number;
  /** What is needed again latest first: no eviction reads less (Belady). */
  optimum: number;
}

/** Reads of a cache that holds experts whole, and of what memory the rest of a token's weights leaves. */
export interface ExpertReads extends PolicyReads {
  /** For experts. */
  memory: number;
  /** Used least often first. */
  leastOften: number;
  /** What the pass has left behind unused first. */
  leastStale: number;
}

/** Reads of a cache of single blocks, and the speed that this comes to; null: the run does not tell. */
export interface BlockReads extends PolicyReads {
  /** The kernel's two lists and its readahead, as a model of them says: the median of its plays, and what they spread over. */
  kernel: number;
  kernelLeast: number;
  kernelMost: number;
  kernelTokensPerSecond: number | null;
  optimumTokensPerSecond: number | null;
}

/** A memory, and what would have been read for a token with it, by policy of eviction. */
export interface CurvePoint {
  /** For the model. */
  memory: number;
  /** Caches of single blocks; null for a file of routes. */
  blocks: BlockReads | null;
  /** Caches of whole experts beside all else that a token uses; null: memory has no room for that, or there are none. */
  experts: ExpertReads | null;
}

/** What memories of different sizes would read, told from touches. */
export interface Curve {
  /** The run's folder or the file of routes. */
  of: string;
  /** Sizes below are bytes, or numbers of experts where a file of routes tells no size. */
  unit: 'bytes' | 'experts';
  /** Tokens that were played, and those of them that were counted: the later half. */
  tokens: number;
  countedTokens: number;
  /** How much of what tokens used was seen rather than guessed: 0 to 1. */
  seenShare: number;
  touchedPerToken: number;
  /** Distinct size that so many tokens in a row touch, on average. */
  workingSets: { tokens: number; size: number }[];
  /** Share of what is touched that was touched before with at most so much else in between: 0 to 1, ascending. */
  reuse: { distance: number; share: number }[];
  /** Share of what is touched that no token and no load touched before. */
  firstShare: number;
  points: CurvePoint[];
  /** The run's own memory for the model; null: not known, or no run. */
  ownMemory: number | null;
  verdict: string;
  /** Why the kernel's columns hold only roughly; null: nothing is known against them. */
  caveat: string | null;
}

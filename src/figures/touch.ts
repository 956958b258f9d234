/** Bytes of a region (an index) that were read while a token (counted from 0) was made. */
export interface Touch {
  token: number;
  region: number;
  bytes: number;
}

/** Bytes that completed reads brought in, or that were used, of the region at `fileOffset` (a row of `tensor`) in a phase, or for a token. */
export interface StoredTouch {
  /** What tells it: completed reads, or page faults of a workload that was watched. */
  source: 'trace' | 'faults';
  phase: string;
  /** The token that was made meanwhile, by its number among all tokens; null in other phases. */
  token: number | null;
  file: string;
  fileOffset: number;
  bytes: number;
}

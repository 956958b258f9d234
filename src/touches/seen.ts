/** A pass over the weights that was watched. Times in ns on CLOCK_MONOTONIC. */
export interface SeenPass {
  beginNs: bigint;
  /** null: the program ended in it. */
  endNs: bigint | null;
  profiled: boolean;
  faults: number;
}

/** What a pass used of a region (an index), as page faults tell. */
export interface SeenTouch {
  pass: number;
  region: number;
  bytes: number;
}

/** What a workload used of its model, hits of the page cache included. */
export interface SeenTouches {
  passes: SeenPass[];
  /** By pass, and in it in the order of the first use. */
  touches: SeenTouch[];
  /** Faults that the kernel had no room for: what they would tell is missing. */
  lost: number;
}

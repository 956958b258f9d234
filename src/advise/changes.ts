import type { Summary } from '../figures/summary-schema.js';

/** A figure that is foreseen: most likely, and within what. */
export interface Foreseen {
  low: number;
  likely: number;
  high: number;
}

/** What to do otherwise; what is left out stays as the run had it. Bytes. */
export interface ChangedConditions {
  readAheadKib?: number;
  pinBytes?: number;
  /** What is not pinned is read ahead of each token, and dropped behind it. */
  stream?: true;
  /** What the workload and its page cache may take together. */
  memoryBytes?: number;
  threads?: number;
  /** Weights stay mapped from the file instead of being copied into the process. */
  mapped?: true;
}

/** A change of a run's conditions, and what it would give. */
export interface Change {
  /** Such as `readahead 128 KiB, 205 MiB pinned`. */
  title: string;
  conditions: ChangedConditions;
  bytesPerToken: Foreseen;
  tokensPerSecond: Foreseen;
  reason: string;
}

/** By the speed that is likely; what might be slower than `measured`, the run as it was, comes after all that surely gains. */
export function bestFirst(changes: readonly Change[], measured: number): Change[] {
  const sure = ({ tokensPerSecond }: Change) => Number(tokensPerSecond.low >= measured);
  return changes.toSorted((a, b) => sure(b) - sure(a) || b.tokensPerSecond.likely - a.tokensPerSecond.likely);
}

/** One point of the curve of reads against memory, with mapped weights. */
export interface MemoryPoint {
  /** For the model's pages. */
  memoryBytes: number;
  /** Read for a token under the kernel's eviction, and with what `--pin auto` would hold of that memory. */
  kernelBytesPerToken: number;
  pinnedBytesPerToken: number;
  /** Within what, as for a change. */
  kernelRange: { low: number; high: number };
  pinnedRange: { low: number; high: number };
}

/** What limits a run, and what would help. */
export interface Advice {
  run: string;
  measured: { bytesPerToken: number; tokensPerSecond: number };
  /** Whether tokens use the file's pages, or a copy in the process's own memory. */
  weights: 'mapped' | 'copied';
  /** What the model of the page cache makes of the run's own conditions: how far it can be trusted. null for copied weights. */
  modelled: { bytesPerToken: number } | null;
  bound: NonNullable<Summary['bound']>;
  /** The share of expert uses that the trace shows; the rest is guessed. 1 for a dense model. */
  seenShare: number;
  verdict: string;
  /** Why what is foreseen holds only roughly; null: nothing is known against it. */
  caveat: string | null;
  /** The best first. */
  changes: Change[];
  curve: MemoryPoint[];
}

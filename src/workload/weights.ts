import { thousands } from '../thousands.js';

/** Below this a program's other buffers may be as large as its weights, and nothing can be told. */
const leastModelBytes = 64 * 2 ** 20;

export function tooSmallToTell(modelBytes: number): boolean {
  return modelBytes < leastModelBytes;
}

/** What is known of a workload's memory when its weights are to be judged. All in bytes. */
export interface WeightsEvidence {
  modelBytes: number | null;
  /** Bytes of the model's files that the workload had mapped. */
  mappedBytes: number;
  /** Highest anonymous memory, less what the process had before it loaded the model. */
  anonBytes: number | null;
  /** Bytes that the program says are in layouts for the CPU; null: it says nothing. */
  packedBytes?: number | null;
}

/**
 * Where a workload keeps its weights. Copied: by its own word at least half of the model is in a layout for the CPU, or its
 * anonymous memory came to that much.
 * Mapped: it did not, and files of the model are mapped. null: neither, no model, or too small a one to tell.
 *
 * A mapping alone shows nothing: a program that repacks weights for the CPU maps the file and copies it as
 * well.
 */
export function judgeWeights({
  modelBytes,
  mappedBytes,
  anonBytes,
  packedBytes = null,
}: WeightsEvidence): 'mapped' | 'copied' | null {
  if (modelBytes !== null && packedBytes !== null && packedBytes >= modelBytes / 2) return 'copied';
  if (modelBytes === null || anonBytes === null || tooSmallToTell(modelBytes)) return null;
  if (anonBytes >= modelBytes / 2) return 'copied';
  return mappedBytes > 0 ? 'mapped' : null;
}

/** What the note is made from: a workload's outcome, or a summary of it. */
export interface WeightsSeen {
  engine: string;
  weights: 'mapped' | 'copied' | null;
  modelBytes: number | null;
  rssAnonBytes: number | null;
  modelMappedBytes: number | null;
  lockedBytes: number | null;
}

/** One or two sentences for the report: where the weights were, and what that means for its figures. */
export function weightsNote(outcome: WeightsSeen): string {
  const { weights, modelBytes, rssAnonBytes } = outcome;
  if (weights === null || modelBytes === null || rssAnonBytes === null) {
    return 'It is not known whether the weights were mapped or copied (no model, a model under 64 MiB, or too short a run).';
  }
  const seen = `${mib(rssAnonBytes)} MiB of anonymous memory for a model of ${mib(modelBytes)} MiB`;
  if (weights === 'copied') {
    return (
      `The weights were copied into the process (${seen}): the file is read once, while loading, and the page cache no ` +
      `longer matters. What generation reads, and re-read factors, say nothing about the model. ${remedy(outcome)}`
    );
  }
  return mostlyLocked(outcome)
    ? `The weights stayed mapped and were locked (${seen}): they cannot be evicted, so reads that repeat are not reads of weights.`
    : `The weights stayed mapped (${seen}): the program reads them from the page cache, and from the disk what was evicted.`;
}

/** Whether at least half of a model is locked in memory. */
export function mostlyLocked({
  lockedBytes,
  modelBytes,
}: Pick<WeightsSeen, 'lockedBytes' | 'modelBytes'>): boolean {
  return modelBytes !== null && (lockedBytes ?? 0) >= modelBytes / 2;
}

function remedy({ engine, modelMappedBytes }: WeightsSeen): string {
  if (modelMappedBytes === 0) return 'The file was never seen mapped: it was read without mmap.';
  if (engine === 'embedded') {
    return "The embedded llama.cpp repacks quantised weights and has no switch for it: use F16 weights without --repack, or llama.cpp's own program.";
  }
  return 'llama.cpp repacks quantised weights for the CPU: builds of 2025 and later take --no-repack, which blkscope passes unless --repack is given.';
}

function mib(bytes: number): string {
  return thousands(bytes / 2 ** 20);
}

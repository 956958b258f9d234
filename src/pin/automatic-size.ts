import { BlkscopeError } from '../errors.js';
import { formatSize } from '../memory/size.js';

export interface SizeInput {
  /** What the workload and the page cache it brings in may take together: its limit, or what is available. */
  memoryBytes: number;
  /** The workload's own memory, as a run of one token showed it. */
  rssAnonBytes: number;
  readAheadKib: number;
  threads: number;
  modelBytes: number;
  /** The window of a stream, which takes readahead's place. */
  streamWindowBytes?: number;
}

/** Page tables, kernel stacks, libraries and what the workload still grows by: a share of the whole, or this much. */
const unseenShare = 1 / 20;
/** Beside a stream eviction has nothing to choose, and needs no play. */
const unseenShareStreamed = 1 / 50;
const leastUnseenBytes = 12 * 2 ** 20;
const leastUnseenBytesStreamed = 8 * 2 ** 20;

/** Refuses to fill a limit so far that the workload cannot run: what `auto` chooses fits. Throws BlkscopeError NO_HEADROOM. */
export function checkPinFits(bytes: number, limitBytes: number, streamed: boolean): void {
  const most = Math.floor(limitBytes * (1 - (streamed ? unseenShareStreamed : unseenShare)));
  if (bytes <= most) return;
  throw new BlkscopeError(
    'NO_HEADROOM',
    `--pin: ${formatSize(bytes)} pinned, with a limit of ${formatSize(limitBytes)}, would leave the workload no memory; pin less, or use auto`,
    'busy',
  );
}

/**
 * Windows of readahead that a thread needs room for: the one in use, the one on its way, and as much again, since
 * eviction does not know which of them is still wanted. With two, runs at a readahead of 8 MiB read half again as much
 * as the part that was not pinned.
 */
const windowsPerThread = 4;

/**
 * How much of a model to pin: all memory but the workload's own and what readahead needs to stream the rest through.
 * Throws BlkscopeError NO_ROOM_TO_PIN when nothing is left.
 */
export function automaticPinBytes(input: SizeInput): number {
  const { memoryBytes, rssAnonBytes, readAheadKib, threads, modelBytes, streamWindowBytes } = input;
  const streaming = streamWindowBytes ?? windowsPerThread * threads * readAheadKib * 1024;
  const unseen =
    streamWindowBytes === undefined
      ? Math.max(memoryBytes * unseenShare, leastUnseenBytes)
      : Math.max(memoryBytes * unseenShareStreamed, leastUnseenBytesStreamed);
  const bytes = Math.floor(memoryBytes - unseen - rssAnonBytes - streaming);
  if (bytes > 0) return Math.min(bytes, modelBytes);
  throw new BlkscopeError(
    'NO_ROOM_TO_PIN',
    `--pin auto: the workload needs ${formatSize(rssAnonBytes)} and readahead ${formatSize(streaming)} of ${formatSize(memoryBytes)}, so nothing is left to pin; give more memory or a smaller --readahead`,
    'busy',
  );
}

import { writeFileSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';
import { asBlkscopeError } from '../native/native-error.js';
import { formatSize } from './size.js';

/** How the model lies in the page cache when the run begins. */
export type CacheState = 'cold' | 'warm' | 'asIs';

/** What of some files is in the page cache. `evictedPages` is null where the kernel has no cachestat. */
export interface CacheResidency {
  cachedBytes: number;
  evictedPages: number | null;
}

export interface PrepareCacheOptions {
  /** Drops the whole machine's page cache first. */
  dropCaches?: boolean;
  onProgress?: (text: string) => void;
}

/** Pages that a reader in the background brings back at once are no sign that the eviction failed. */
const toleratedShare = 0.001;

/**
 * Brings the files into the state asked for, and checks that they are in it.
 *
 * Throws BlkscopeError NOT_EVICTED when something holds the model in memory (mapped and in use, or locked), and
 * NOT_CACHED when it does not fit into memory.
 */
export async function prepareCache(
  state: CacheState,
  paths: readonly string[],
  { dropCaches = false, onProgress = () => {} }: PrepareCacheOptions = {},
): Promise<void> {
  if (dropCaches) writeFileSync('/proc/sys/vm/drop_caches', '1');
  if (state === 'asIs') return;
  for (const [i, path] of paths.entries()) {
    onProgress(`file ${i + 1} of ${paths.length}`);
    if (state === 'cold') await evict(path);
    else await warm(path);
  }
}

async function evict(path: string): Promise<void> {
  const left = await settled(native.evictFile(path));
  if (left.cachedBytes <= left.fileBytes * toleratedShare) return;
  throw new BlkscopeError(
    'NOT_EVICTED',
    `${path}: ${formatSize(left.cachedBytes)} stay in the page cache after eviction, because another process maps or locks the file; end that process, or use --as-is`,
    'busy',
  );
}

async function warm(path: string): Promise<void> {
  const there = await settled(native.warmFile(path));
  if (there.cachedBytes >= there.fileBytes * (1 - toleratedShare)) return;
  throw new BlkscopeError(
    'NOT_CACHED',
    `${path}: only ${formatSize(there.cachedBytes)} of ${formatSize(there.fileBytes)} stay in the page cache: too little memory for --warm`,
    'busy',
  );
}

/** What of the files is in the page cache now. */
export function residencyOf(paths: readonly string[]): CacheResidency {
  const all = paths.map((path) => native.pageCacheResidency(path));
  const evicted = all.map((residency) => residency.evictedBytes);
  return {
    cachedBytes: all.reduce((sum, { cachedBytes }) => sum + cachedBytes, 0),
    evictedPages: evicted.includes(null)
      ? null
      : evicted.reduce((sum: number, n) => sum + (n ?? 0), 0) / native.pageBytes(),
  };
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw asBlkscopeError(error);
  }
}

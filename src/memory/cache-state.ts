import { BlkscopeError } from '../errors.js';
import { writeControl } from '../files/control.js';
import { native } from '../native/binding.js';
import type { NativeResidency } from '../native/memory.js';
import { asBlkscopeError } from '../native/native-error.js';
import { formatSize } from './size.js';

/** How the model lies in the page cache when the run begins. */
export type CacheState = 'cold' | 'warm' | 'asIs';

/** What of some files is in the page cache. Null is what the kernel does not tell: it has no cachestat, or not of these. */
export interface CacheResidency {
  cachedBytes: number | null;
  evictedPages: number | null;
}

export interface PrepareCacheOptions {
  /** Drops the whole machine's page cache first. */
  dropCaches?: boolean;
  onProgress?: (text: string) => void;
}

/** Pages that a reader in the background brings back at once are no sign that the eviction failed. */
const toleratedShare = 0.001;
/** Of files whose pages are asked for one by one: a page in 256 tells no more. */
const toleratedByReading = 0.01;

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
  if (dropCaches) writeControl('/proc/sys/vm/drop_caches', '1');
  if (state === 'asIs') return;
  for (const [i, path] of paths.entries()) {
    onProgress(`file ${i + 1} of ${paths.length}`);
    if (state === 'cold') await evict(path);
    else await warm(path);
  }
}

async function evict(path: string): Promise<void> {
  const left = await settled(native.evictFile(path));
  if (left.cachedBytes === null || left.cachedBytes <= left.fileBytes * tolerated(left)) return;
  throw new BlkscopeError(
    'NOT_EVICTED',
    `${path}: ${formatSize(left.cachedBytes)} stay in the page cache after eviction, because another process maps or locks the file; end that process, or use --as-is`,
    'busy',
  );
}

async function warm(path: string): Promise<void> {
  const there = await settled(native.warmFile(path));
  if (there.cachedBytes === null || there.cachedBytes >= there.fileBytes * (1 - tolerated(there))) return;
  throw new BlkscopeError(
    'NOT_CACHED',
    `${path}: ${formatSize(there.fileBytes - there.cachedBytes)} of ${formatSize(there.fileBytes)} do not stay in the page cache: too little memory for --warm`,
    'busy',
  );
}

function tolerated({ method }: NativeResidency): number {
  return method === 'reading' ? toleratedByReading : toleratedShare;
}

/** What of the files is in the page cache now. */
export function residencyOf(paths: readonly string[]): CacheResidency {
  const all = paths.map((path) => native.pageCacheResidency(path));
  const evicted = sumOf(all.map((residency) => residency.evictedBytes));
  return {
    cachedBytes: sumOf(all.map((residency) => residency.cachedBytes)),
    evictedPages: evicted === null ? null : evicted / native.pageBytes(),
  };
}

function sumOf(values: (number | null)[]): number | null {
  return values.reduce((sum, value) => (sum === null || value === null ? null : sum + value), 0);
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw asBlkscopeError(error);
  }
}

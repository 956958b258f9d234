import { readdirSync } from 'node:fs';
import { readProc } from '../process/process-tree.js';
import { systemUs, userUs } from './process-metrics.js';

/**
 * The kernel's threads that reclaim memory and start I/Os, by name: kswapd, kcompactd, kdamond, and the workers of the
 * queue kblockd, which are those of high priority. When memory is short they work for whom it is short.
 */
const servants = /^(kswapd|kcompactd|kdamond|kworker\/\d+:\d+H)/;

/** Looks after which it is asked again which threads there are. */
const looksPerSearch = 20;

/**
 * What the kernel's threads for memory and I/O computed, added up look by look, since workers come and go. It counts nothing
 * where they are not seen, as in a container.
 */
export class KernelThreads {
  readonly #usByPid = new Map<string, number>();
  #totalUs = 0;
  #looks = 0;

  /** The sum since the first look. */
  look(): [metric: string, value: number][] {
    const first = this.#looks === 0;
    if (this.#looks++ % looksPerSearch === 0) this.#search();
    for (const [pid, beforeUs] of this.#usByPid) {
      const stat = readProc(pid, 'stat');
      if (stat === null) this.#usByPid.delete(pid);
      else {
        const us = systemUs(stat) + userUs(stat);
        if (!first) this.#totalUs += us - beforeUs;
        this.#usByPid.set(pid, us);
      }
    }
    return [['kernelThreadsUs', this.#totalUs]];
  }

  #search(): void {
    for (const pid of readdirSync('/proc'))
      if (/^\d+$/.test(pid) && !this.#usByPid.has(pid) && isServant(pid)) this.#usByPid.set(pid, 0);
  }
}

/** A program may call itself as it likes, but only the kernel's threads are children of its thread 2. */
function isServant(pid: string): boolean {
  const [, name, parent] = /\((.*)\) \S (\d+) /s.exec(readProc(pid, 'stat') ?? '') ?? [];
  return parent === '2' && servants.test(name ?? '');
}

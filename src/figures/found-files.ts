import type { EventBatch } from '../capture/batch.js';
import type { Progress } from '../machine/progress.js';
import { formatSize } from '../memory/size.js';
import { native } from '../native/binding.js';
import type { NativeRegionReads } from '../native/regions.js';
import type { NativeExtents, NativeSummary } from '../native/trace.js';
import type { OpenedFile } from '../process/opened-files.js';
import { locateFiles, type TracedFiles } from './traced-files.js';

/**
 * The large files that a workload was seen to use, as far as they lie on one traced disk: that of the largest. Others
 * are told by name, with the reason why their reads are not counted.
 */
export function locateFound(
  opened: readonly OpenedFile[],
  devices: readonly string[],
  progress: Progress,
): TracedFiles | null {
  const found = opened.flatMap(({ path, bytes, large }) => {
    if (!large) return [];
    const leftOut = (why: string) => {
      progress.warn(
        `the workload used ${path} (${formatSize(bytes)}), but its reads are not counted: ${why}`,
      );
      return [];
    };
    try {
      const located = locateFiles([path]);
      return devices.includes(located.disk) ? [located] : leftOut(`it lies on ${located.disk}, not traced`);
    } catch (error) {
      return leftOut((error as Error).message);
    }
  });
  const disk = found[0]?.disk;
  const paths = found.filter((file) => file.disk === disk).flatMap((file) => file.paths);
  return paths.length === 0 ? null : locateFiles(paths.sort());
}

/** Counts the reads of files that were not known when the trace began, from the batches that go to the store. */
export class FoundFiles {
  readonly #native: NativeRegionReads;
  readonly #bytes: number;

  /** `files` lie on the disk with the kernel's number `device`. */
  constructor(files: readonly NativeExtents[], device: number) {
    this.#bytes = files.reduce((sum, { bytes }) => sum + Number(bytes), 0);
    this.#native = new native.RegionReads({
      files: [...files],
      device,
      regions: { files: new Uint32Array(), offsets: new BigUint64Array(), bytes: new BigUint64Array() },
      groupings: [],
      boundaries: new BigUint64Array(),
      phases: [{ fromNs: 0n, toNs: 2n ** 64n - 1n }],
    });
  }

  consume(batch: EventBatch): void {
    this.#native.consume(batch);
  }

  /** Once, after the last batch: the summary as if the files had been known from the start. They count as one. */
  complete(traced: NativeSummary): NativeSummary {
    const [whole] = this.#native.finish().phases;
    if (!whole) return traced;
    const { modelReads: reads, modelBytes: readBytes, modelUniqueBytes: uniqueBytes } = whole;
    return {
      ...traced,
      gaps: { ...traced.gaps, file: whole.gaps.file },
      files: [{ bytes: this.#bytes, reads, readBytes, uniqueBytes }],
    };
  }
}

import type { EventBatch } from '../capture/batch.js';
import type { Progress } from '../machine/progress.js';
import { formatSize } from '../memory/size.js';
import { isGguf, modelFiles } from '../model/model-files.js';
import { native } from '../native/binding.js';
import type { NativeRegionReads } from '../native/regions.js';
import type { NativeExtents, NativeSummary } from '../native/trace.js';
import type { OpenedFile } from '../process/opened-files.js';
import type { Subject } from './subjects.js';
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
  // A part of a split model may be small, or was open for too short a time to be seen: all parts are the model's.
  const parts = opened.flatMap(({ path, bytes, executable, large }) => {
    if (executable || !isGguf(path)) return large ? [{ path, bytes }] : [];
    return modelFiles(path);
  });
  const once = new Map(parts.map((file) => [file.path, file]));
  const found = [...once.values()].flatMap(({ path, bytes }) => {
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
  /** Of all files together, and of each subject's. */
  readonly #whole: NativeRegionReads;
  readonly #subjects: { native: NativeRegionReads; bytes: number }[];

  /** The subjects' files lie on the disk with the kernel's number `device`. */
  constructor(subjects: readonly Subject[], device: number) {
    const extents = subjects.map(({ files }) => files.map((file) => file.extents));
    this.#whole = readsOf(extents.flat(), device);
    this.#subjects = extents.map((files) => ({
      native: readsOf(files, device),
      bytes: files.reduce((sum, { bytes }) => sum + Number(bytes), 0),
    }));
  }

  consume(batch: EventBatch): void {
    this.#whole.consume(batch);
    for (const subject of this.#subjects) subject.native.consume(batch);
  }

  /** Once, after the last batch: the summary as if the files had been known from the start. A subject's count as one. */
  complete(traced: NativeSummary): NativeSummary {
    const [whole] = this.#whole.finish().phases;
    if (!whole) return traced;
    const files = this.#subjects.map(({ native, bytes }) => {
      const [all] = native.finish().phases;
      const {
        modelReads: reads = 0,
        modelBytes: readBytes = 0,
        modelUniqueBytes: uniqueBytes = 0,
      } = all ?? {};
      return { bytes, reads, readBytes, uniqueBytes };
    });
    return { ...traced, gaps: { ...traced.gaps, file: whole.gaps.file }, files };
  }
}

function readsOf(files: NativeExtents[], device: number): NativeRegionReads {
  return new native.RegionReads({
    files,
    device,
    regions: { files: new Uint32Array(), offsets: new BigUint64Array(), bytes: new BigUint64Array() },
    groupings: [],
    boundaries: new BigUint64Array(),
    phases: [{ fromNs: 0n, toNs: 2n ** 64n - 1n }],
  });
}

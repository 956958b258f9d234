import type { EventBatch } from '../capture/batch.js';
import type { Progress } from '../machine/progress.js';
import { locateFiles, type TracedFiles } from '../machine/traced-files.js';
import { formatSize } from '../memory/size.js';
import { isModelFile, modelFiles } from '../model/model-files.js';
import { native } from '../native/binding.js';
import type { NativeAnalysis, NativeAnalysisOptions, NativeSummary } from '../native/trace.js';
import type { OpenedFile } from '../process/opened-files.js';

/**
 * The large files that a workload was seen to use, as far as they lie on one traced disk: that of the largest. Others
 * are told by name, with the reason why their reads are not counted. `devices` null: any disk.
 */
export function locateFound(
  opened: readonly OpenedFile[],
  devices: readonly string[] | null,
  progress: Progress,
): TracedFiles | null {
  // A part of a split model may be small, or was open for too short a time to be seen: all parts are the model's.
  const parts = opened.flatMap(({ path, bytes, executable, large }) => {
    if (executable || !isModelFile(path)) return large ? [{ path, bytes }] : [];
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
      return (devices ?? [located.disk]).includes(located.disk)
        ? [located]
        : leftOut(`it lies on ${located.disk}, not traced`);
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
  readonly #analysis: NativeAnalysis;

  constructor(of: NativeAnalysisOptions) {
    this.#analysis = new native.Analysis(of);
  }

  consume(batch: EventBatch): void {
    this.#analysis.consume(batch);
  }

  /** Once, after the last batch: the summary as if the files had been known from the start. */
  complete(traced: NativeSummary): NativeSummary {
    const { gaps, files, allFiles } = this.#analysis.finish();
    return { ...traced, gaps: { ...traced.gaps, file: gaps.file }, files, allFiles };
  }
}

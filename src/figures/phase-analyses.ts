import type { EventBatch } from '../capture/batch.js';
import { native } from '../native/binding.js';
import type { NativeAnalysis, NativeAnalysisOptions, NativeFigures } from '../native/trace.js';
import type { Generation, Mark } from '../workload/engine.js';
import { type PhaseWindow, phaseWindows, timeSlots } from './phases.js';

/** A phase and what was counted in it. */
export interface CountedPhase extends PhaseWindow {
  /** Of the generation: tokens that were seen one by one; null for the others. */
  marks: number | null;
  counted: NativeFigures;
  /** False: unique sectors are too low, for want of memory for their sets. */
  setsComplete: boolean;
  /** Of what lands in the files alone; null without files. */
  inFiles: NativeFigures | null;
}

/** Analyses what lands in files alone, from the very batches that go to the store: how a model was read, whoever else read. */
export class FileAnalysis {
  readonly #analysis: NativeAnalysis | null;

  /** null: no file lies on a traced disk. */
  constructor(of: NativeAnalysisOptions | null, span: { fromNs?: bigint; toNs?: bigint } = {}) {
    this.#analysis =
      of === null || of.files.length === 0 ? null : new native.Analysis({ ...of, filesOnly: true, ...span });
  }

  /** Whether there are files. */
  get any(): boolean {
    return this.#analysis !== null;
  }

  consume(batch: EventBatch): void {
    this.#analysis?.consume(batch);
  }

  /** Once, after the last batch; null without files. */
  results(): NativeFigures | null {
    return this.#analysis?.finish() ?? null;
  }
}

/**
 * Analyses each phase of a workload as a trace of its own, from the very batches that go to the store, after the workload
 * has ended, since its marks are known only then.
 */
export class PhaseAnalyses {
  readonly #phases: (PhaseWindow & {
    marks: number | null;
    analysis: NativeAnalysis;
    inFiles: FileAnalysis;
  })[];

  constructor(of: NativeAnalysisOptions, marks: readonly Mark[], said: Generation | null) {
    const tokens = timeSlots(marks, said).filter(({ token }) => token !== null).length;
    this.#phases = phaseWindows(marks, said).map((window) => {
      const { name, fromNs, toNs } = window;
      return {
        ...window,
        marks: name === 'generation' ? tokens : null,
        analysis: new native.Analysis({ ...of, fromNs, toNs }),
        inFiles: new FileAnalysis(of, { fromNs, toNs }),
      };
    });
  }

  /** Whether the workload told of any phase. */
  get any(): boolean {
    return this.#phases.length > 0;
  }

  consume(batch: EventBatch): void {
    for (const { analysis, inFiles } of this.#phases) {
      analysis.consume(batch);
      inFiles.consume(batch);
    }
  }

  /** Once, after the last batch. */
  results(): CountedPhase[] {
    return this.#phases.map(({ analysis, inFiles, ...window }) => {
      const counted = analysis.finish();
      return { ...window, counted, setsComplete: analysis.setsComplete, inFiles: inFiles.results() };
    });
  }
}

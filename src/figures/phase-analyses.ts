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
}

/**
 * Analyses each phase of a workload as a trace of its own, from the very batches that go to the store, after the workload
 * has ended, since its marks are known only then.
 */
export class PhaseAnalyses {
  readonly #phases: (PhaseWindow & { marks: number | null; analysis: NativeAnalysis })[];

  constructor(of: NativeAnalysisOptions, marks: readonly Mark[], said: Generation | null) {
    const tokens = timeSlots(marks, said).filter(({ token }) => token !== null).length;
    this.#phases = phaseWindows(marks, said).map((window) => {
      const { name, fromNs, toNs } = window;
      return {
        ...window,
        marks: name === 'generation' ? tokens : null,
        analysis: new native.Analysis({ ...of, fromNs, toNs }),
      };
    });
  }

  /** Whether the workload told of any phase. */
  get any(): boolean {
    return this.#phases.length > 0;
  }

  consume(batch: EventBatch): void {
    for (const { analysis } of this.#phases) analysis.consume(batch);
  }

  /** Once, after the last batch. */
  results(): CountedPhase[] {
    return this.#phases.map(({ analysis, ...window }) => {
      const counted = analysis.finish();
      return { ...window, counted, setsComplete: analysis.setsComplete };
    });
  }
}

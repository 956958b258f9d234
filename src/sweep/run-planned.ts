import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { runExperiment } from '../experiment/experiment.js';
import { resolvedOptions } from '../experiment/options.js';
import { requireTraceable } from '../experiment/requirements.js';
import { checkSubject } from '../experiment/subject.js';
import { given } from '../experiment/trace-options.js';
import { PartialFile, removeLeftovers } from '../files/partial.js';
import { renameIn } from '../files/write.js';
import { noProgress, type Progress } from '../machine/progress.js';
import { folderError } from '../run/run-folder.js';
import { openRun, type Run } from '../store/open-run.js';
import type { PlannedRun } from './sweep-plan.js';

/** How a planned run went: the run, or why there is none that counts. */
export type PlannedOutcome = { plan: PlannedRun } & (
  | { run: Pick<Run, 'summary' | 'config' | 'path'>; error: null; found: boolean }
  | { run: null; error: Error }
);

/** How planned runs are made. */
export interface PlannedOptions {
  progress?: Progress;
  /** Ends the run that is under way and starts no other. What is finished stays. */
  signal?: AbortSignal;
  commandLine?: readonly string[];
  /** For every run; see the experiment's option. */
  mount?: boolean;
}

/**
 * Makes the runs one after the other; those whose folders are there and good are not made again, so a killed series
 * goes on where it was. A run that fails is told and does not stop the others.
 *
 * Throws the signal's reason when aborted, and a BlkscopeError when no run at all can be made: no tracer, another one is busy, or
 * what the runs ask for is refused of each.
 */
export async function runPlanned(
  plans: readonly PlannedRun[],
  { progress = noProgress, signal, commandLine, mount }: PlannedOptions = {},
): Promise<PlannedOutcome[]> {
  for (const folder of new Set(plans.map(({ options }) => dirname(options.output)))) removeLeftovers(folder);
  const clock = new SeriesClock(plans.length);
  let checked = false;
  const outcomes: PlannedOutcome[] = [];
  for (const [index, plan] of plans.entries()) {
    signal?.throwIfAborted();
    const found = await goodRun(plan.options.output);
    if (found) {
      clock.skip();
      outcomes.push({ plan, run: found, error: null, found: true });
      continue;
    }
    requireWritable(dirname(plan.options.output));
    // What keeps this run from being traced keeps all: it is told once, and no run is made.
    if (!checked) {
      await requireTraceable(dirname(plan.options.model), { ...plan.options, ...given({ mount }) });
      await requireOne(plans.slice(index), given({ mount }));
    }
    checked = true;
    progress.step(
      `-- run ${index + 1} of ${plans.length}: ${plan.group}, repeat ${plan.repeat}${clock.timeLeft()}`,
    );
    const outcome = await clock.time(() =>
      runOne(plan, { progress, ...given({ signal, commandLine, mount }) }),
    );
    if (outcome.error) progress.warn(`${plan.group}, repeat ${plan.repeat}: ${outcome.error.message}`);
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Looks for a run that is not refused before the machine is touched; throws what the first is refused for where each is. */
async function requireOne(plans: readonly PlannedRun[], around: { mount?: boolean }): Promise<void> {
  let first: unknown;
  for (const { options } of plans) {
    try {
      await checkSubject(resolvedOptions({ ...options, ...around, progress: noProgress }));
      return;
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

async function runOne(plan: PlannedRun, around: PlannedOptions): Promise<PlannedOutcome> {
  setAside(plan.options.output);
  try {
    const { run, problem } = await runExperiment({ ...plan.options, ...around });
    await run[Symbol.asyncDispose]();
    around.signal?.throwIfAborted();
    if (problem) return { plan, run: null, error: problem };
    return { plan, run, error: null, found: false };
  } catch (error) {
    around.signal?.throwIfAborted();
    if (error instanceof BlkscopeError) return { plan, run: null, error };
    throw error; // a defect of ours would fail every run alike
  }
}

/** A run that was finished, whole and well; null for any other, which is made anew. */
async function goodRun(path: string): Promise<Run | null> {
  if (!existsSync(path)) return null;
  try {
    await using run = await openRun(path);
    const { integrity, workload } = run.summary;
    return integrity.complete && workload?.exitCode === 0 ? run : null;
  } catch {
    return null;
  }
}

/** Where no run can be written, none is made: the first would tell so, and each after it. */
function requireWritable(folder: string): void {
  try {
    PartialFile.beside(join(folder, 'run')).discard();
  } catch (error) {
    throw folderError(error, folder);
  }
}

/** A run that is not good is kept under another name: its log may tell why. */
function setAside(path: string): void {
  if (!existsSync(path)) return;
  for (let n = 1; ; n++) {
    const aside = `${path}.failed-${n}`;
    if (existsSync(aside)) continue;
    try {
      renameIn(path, basename(aside));
    } catch (error) {
      throw folderError(error, aside);
    }
    return;
  }
}

/** Guesses how long the rest takes from what the runs took so far. */
class SeriesClock {
  #left: number;
  #made = 0;
  #tookMs = 0;

  constructor(total: number) {
    this.#left = total;
  }

  skip(): void {
    this.#left--;
  }

  async time<T>(action: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await action();
    } finally {
      this.#tookMs += performance.now() - start;
      this.#made++;
      this.#left--;
    }
  }

  timeLeft(): string {
    if (this.#made === 0) return '';
    const seconds = Math.round(((this.#tookMs / this.#made) * this.#left) / 1000);
    return seconds < 100 ? `, about ${seconds} s left` : `, about ${Math.round(seconds / 60)} min left`;
  }
}

import type { FinishedRun } from '../experiment/finish-run.js';
import type { ExperimentOptions } from '../experiment/options.js';
import type { RecordOptions } from '../experiment/record.js';
import type { Sized } from '../options/sized.js';
import type { PlannedOptions, PlannedOutcome } from '../sweep/run-planned.js';
import type { Sweep } from '../sweep/sweep-file.js';
import type { PlannedRun } from '../sweep/sweep-plan.js';
import { asked } from './asked.js';

/**
 * Runs llama.cpp on a model while memory is short, and traces the disk underneath. Needs root.
 *
 * The order: checks, cache, readahead, the disk's speed, pressure, pinning, tracing, workload; each step is undone in reverse, on
 * success, on errors, when `signal` aborts, and when the process ends. Aborting keeps what was traced by then, marked incomplete.
 *
 * @returns The run on disk, open; and `problem`, an error, where it was made but is not a good one: the workload failed, events were
 * lost, it was aborted.
 * @throws BlkscopeError when no run could be made: BAD_ARGUMENT, NOT_GGUF, EPERM, TRACER_BUSY, NO_HEADROOM, ENOSPC and others of
 * docs/api.md.
 * @example
 * const stop = new AbortController();
 * const { run, problem } = await runExperiment({
 *   model: 'model.gguf',
 *   pressure: { mode: 'limit', bytes: '2G' },
 *   workload: { tokens: 50 },
 *   signal: stop.signal,
 * });
 * console.log(run.path, run.summary.reads.bytes, problem?.message);
 * run.close();
 */
export async function runExperiment(options: Sized<ExperimentOptions>): Promise<FinishedRun> {
  const asks = await asked<ExperimentOptions>('experiment', options, 'runExperiment');
  return (await import('../experiment/experiment.js')).runExperiment(asks);
}

/**
 * Traces devices while a command or a process runs, for a time, or until `signal` aborts. Needs root.
 *
 * @throws BlkscopeError as `runExperiment` does; WRONG_DEVICE: the files lie on none of the devices; ATTACH_AND_COMMAND.
 * @example
 * const { run } = await record({ files: ['model.gguf'], command: ['cat', 'model.gguf'], mount: true });
 * const { run: watched } = await record({ devices: ['/dev/vda'], durationMs: 10_000 });
 */
export async function record(options: Sized<RecordOptions>): Promise<FinishedRun> {
  const asks = await asked<RecordOptions>('recording', options, 'record');
  return (await import('../experiment/record.js')).record(asks);
}

/**
 * Makes the models that a sweep wants made and are missing, then its runs; see `runPlanned`.
 *
 * @example
 * const outcomes = await runSweep(readSweep('sweep.yaml'));
 */
export async function runSweep(sweep: Sweep, options: PlannedOptions = {}): Promise<PlannedOutcome[]> {
  const asks = await asked<PlannedOptions>('planned', options, 'runSweep');
  return (await import('../sweep/run-sweep.js')).runSweep(sweep, asks);
}

/**
 * Makes runs one after the other; those whose folders are there and good are not made again, so a series that was ended goes on where
 * it was. A run that fails is told in its outcome and does not stop the others.
 *
 * @throws BlkscopeError when this machine can make no run at all; the signal's reason when aborted.
 * @example
 * const outcomes = await runPlanned(planRepeats({ model: 'model.gguf', output: 'runs/three' }, 3));
 */
export async function runPlanned(
  runs: readonly PlannedRun[],
  options: PlannedOptions = {},
): Promise<PlannedOutcome[]> {
  const asks = await asked<PlannedOptions>('planned', options, 'runPlanned');
  return (await import('../sweep/run-planned.js')).runPlanned(runs, asks);
}

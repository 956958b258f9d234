import { bandwidthOf, boundOf, ownMemory } from '../bound/bound.js';
import type { BoundRecords } from '../bound/bound-records.js';
import { computeNsPerToken } from '../bound/compute-time.js';
import type { DiskSpeed } from '../bound/disk-speed.js';
import { fastestTokenNs } from '../bound/token-time.js';
import { shownTo } from '../capture/batch.js';
import { BlkscopeError } from '../errors.js';
import { buildSummary, type CountedMemory } from '../figures/build-summary.js';
import { lossProblem } from '../figures/defects.js';
import { FoundFiles } from '../figures/found-files.js';
import { PhaseAnalyses } from '../figures/phase-analyses.js';
import { phaseWindows } from '../figures/phases.js';
import {
  extentsOf,
  readByTracer,
  type SubjectFigures,
  SubjectJoins,
  subjectsOf,
  touchesOf,
} from '../figures/subjects.js';
import type { Summary } from '../figures/summary-schema.js';
import type { TracedFile } from '../figures/traced-files.js';
import type { Steps } from '../machine/steps.js';
import type { Model } from '../model/gguf.js';
import { type ConfigStart, extentsConfig, marksConfig, type RunConfig } from '../run/config.js';
import { type RunFolder, runFiles } from '../run/run-folder.js';
import { Run } from '../store/open-run.js';
import type { WorkloadOutcome } from '../workload/engine.js';
import { KeptTrace } from './kept-trace.js';
import type { Measurement } from './measure.js';

/** A run that was made. */
export interface FinishedRun {
  run: Run;
  /** Why it is not a good one: events lost or not written, the workload failed, interrupted. null: all is well. */
  problem: BlkscopeError | null;
}

export interface FinishInput {
  folder: RunFolder;
  steps: Steps;
  measurement: Measurement;
  files: readonly TracedFile[];
  /** The tracer did not know the files. */
  filesFoundLater?: boolean;
  /** Models that are whole among the files, the run's own first. */
  models: readonly Model[];
  memory: CountedMemory;
  config: ConfigStart;
  /** Of the disk that the files are on; null: not measured. */
  diskSpeed: DiskSpeed | null;
  /** Of a token with everything cached, as a run of its own showed; null: none did. */
  computeNs: number | null;
  /** What other runs of the model, program and disk showed; null: none is known. */
  records: BoundRecords | null;
  /** Of the workload. */
  threads: number;
  /** Why the run was ended before its time; null when it was not. */
  interruption: BlkscopeError | null;
}

/**
 * Writes the events and the figures, and gives the run folder its name. The workload has ended, all is undone.
 *
 * Where the disk does not take the events, the run keeps its figures alone; where it takes nothing at all, the figures
 * are returned all the same. Both are the run's problem.
 */
export async function finishRun(input: FinishInput): Promise<FinishedRun> {
  const { folder, steps, measurement, files, config } = input;
  const { tracer, devices, outcome } = measurement;
  await using trace = new KeptTrace(folder.file(runFiles.trace));
  const summary = await steps.closingStep('write the run', () => writeTrace(input, trace));
  const whole: RunConfig = {
    ...config,
    devices,
    files: files.map((file) => ({
      ...file,
      bytes: file.extents.bytes,
      extents: extentsConfig(file.extents),
    })),
    tracer: tracer.info,
    steps: steps.records,
    openedFiles: outcome?.openedFiles ?? [],
    marks: marksConfig(outcome?.marks ?? []),
  };
  const unwritten = publish(folder, summary, whole) ?? withoutEvents(folder, trace.failure);
  return {
    run: new Run(folder.target, summary, whole),
    problem: unwritten ?? problemOf(input, summary, outcome),
  };
}

/** Fills trace.duckdb and makes the summary of the same events. */
async function writeTrace(input: FinishInput, trace: KeptTrace): Promise<Summary> {
  const { measurement, files, models, config } = input;
  const { devices } = measurement;
  const { tracer, outcome } = measurement;
  const subjects = subjectsOf(files, models);
  const model = subjects[0]?.model ?? null;
  const disk = devices[0]?.number ?? null;
  const { marks = [], generation: said = null } = outcome ?? {};
  const join = new SubjectJoins(subjects, disk, marks, said);
  const phases = new PhaseAnalyses(extentsOf(subjects.slice(0, 1)), disk ?? 0, marks, said);
  const found = input.filesFoundLater && disk !== null ? new FoundFiles(extentsOf(subjects), disk) : null;
  const batches = shownTo(found ? [join, phases, found] : [join, phases], tracer);
  await trace.write((store) => store.writeTrace(batches));
  for await (const _ of batches); // those that a store which could not be made has not taken
  const summed = await tracer.summary();
  const traced = found ? found.complete(summed) : summed;
  const counted = found ? subjects.flatMap((subject) => subject.files) : files; // in the order of their figures
  const figures = join.results((subject) => readByTracer(subject, counted, traced), outcome);
  const summary = buildSummary({
    devices: devices.map(({ name }) => name),
    info: tracer.info,
    traced,
    subjects: figures,
    memory: input.memory,
    workload: outcome,
    phases: phases.results(),
    bytesWrittenToDevice: measurement.bytesWritten,
    interrupted: input.interruption?.message ?? null,
  });
  if (model) summary.bound = boundOfRun(input, summary, model);
  await trace.write(async (store) => {
    await store.writeProcesses(traced.processes);
    await store.writeDevices(devices);
    await store.writeExtents(files);
    for (const { model: each, files: parts } of subjects)
      if (each)
        await store.writeTensors(
          each,
          parts.map(({ path }) => path),
        );
    await store.writeSamples(measurement.sampler.samples);
    await store.writeTokens(outcome?.marks ?? []);
    const touches = subjects.flatMap((subject, i) => touchesOf(subject, figures[i] as SubjectFigures));
    await store.writeTouches(touches);
    await store.writeFigures(summary);
    await store.finish(JSON.stringify(summary), { ...config, host: config.machine.host });
  });
  return summary;
}

/** Writes what is small and names the folder. Returns why it could not, with nothing left of the run on the disk. */
function publish(folder: RunFolder, summary: Summary, config: RunConfig): BlkscopeError | null {
  try {
    folder.writeJson(runFiles.summary, summary);
    folder.writeJson(runFiles.config, config);
    folder.publish();
    return null;
  } catch (error) {
    if (!(error instanceof BlkscopeError)) throw error;
    folder.discard();
    const message = `the run is not kept, only its figures are told: ${error.message}`;
    return new BlkscopeError(error.code, message.replaceAll(folder.path, folder.target), error.kind);
  }
}

function withoutEvents(folder: RunFolder, failure: BlkscopeError | null): BlkscopeError | null {
  if (!failure) return null;
  const message = `${folder.target} keeps the figures but not the events: ${failure.message}`;
  return new BlkscopeError(failure.code, message.replaceAll(folder.path, folder.target), failure.kind);
}

/** Of a run that names its records they are used, and then learn from it. */
function boundOfRun(
  { measurement, diskSpeed: disk, computeNs: warmNs, threads, records }: FinishInput,
  summary: Summary,
  model: Model,
): Summary['bound'] {
  const { marks = [], generation: said = null, exitCode } = measurement.outcome ?? {};
  // With drafts a token is no walk over the weights, and a walk checks several.
  if (said?.speculative) return null;
  const generation = phaseWindows(marks, said).find(({ name }) => name === 'generation');
  if (!generation?.tokens) return null;
  const { fromNs, toNs, tokens } = generation;
  const { samples } = measurement.sampler;
  const measured = summary.workload?.tokensPerSecond;
  const own = ownMemory(summary);
  // No token computes for longer than it takes.
  const shown = [fastestTokenNs(marks), measured ? 1e9 / measured : null].filter((ns) => ns !== null);
  const cachedNs = records?.compute.orKnown(warmNs) ?? warmNs;
  const compute =
    cachedNs === null
      ? ({
          ns: Math.min(computeNsPerToken(samples, { fromNs, toNs, tokens }, threads), ...shown),
          from: 'run',
        } as const)
      : ({ ns: cachedNs, from: 'warm' } as const);
  const seen = records && { bandwidth: records.bandwidth.value, ownBytes: records.ownMemory.orKnown(own) };
  const bound = boundOf({ model, summary, compute, disk, ...(seen ? { seen } : {}) });
  if (records && bound && exitCode === 0) {
    records.compute.learn(Math.min(...shown, cachedNs ?? Number.POSITIVE_INFINITY));
    records.bandwidth.learn(bandwidthOf(summary, disk));
    if (own !== null) records.ownMemory.learn(own);
  }
  return bound;
}

function problemOf(
  input: FinishInput,
  summary: Summary,
  outcome: WorkloadOutcome | null,
): BlkscopeError | null {
  if (input.interruption) return input.interruption;
  if (outcome && (outcome.exitCode !== 0 || outcome.timedOut)) {
    return new BlkscopeError('WORKLOAD_FAILED', workloadFailure(outcome, summary, input.folder), 'workload');
  }
  return lossProblem(summary.integrity.defects);
}

function workloadFailure(outcome: WorkloadOutcome, { memory }: Summary, folder: RunFolder): string {
  const name = outcome.argv[0]?.split('/').at(-1) ?? outcome.engine;
  const how = outcome.timedOut
    ? 'ran into its time limit'
    : outcome.signalName
      ? `was ended by ${outcome.signalName}`
      : `ended with exit code ${outcome.exitCode}`;
  const killedByLimit = outcome.signalName === 'SIGKILL' && memory.limitBytes !== null && !outcome.timedOut;
  const copied = outcome.weights === 'copied' ? ', which copied its weights into memory of its own' : '';
  const why = killedByLimit
    ? `: the memory limit is too small for it${copied}`
    : outcome.errorLine
      ? `: ${outcome.errorLine}`
      : '';
  return `${name} ${how}${why}; its output is in ${folder.target}/${runFiles.log}`;
}

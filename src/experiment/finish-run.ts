import { shownTo } from '../capture/batch.js';
import { BlkscopeError } from '../errors.js';
import { type Account, accountOf } from '../figures/account.js';
import { buildSummary, type CountedMemory, requestRow } from '../figures/build-summary.js';
import { lossProblem } from '../figures/defects.js';
import { FoundFiles } from '../figures/found-files.js';
import { FileAnalysis, PhaseAnalyses } from '../figures/phase-analyses.js';
import { firstGenerated } from '../figures/phases.js';
import { RequestReads, type RequestReadsResults } from '../figures/request-reads.js';
import { type UsedByTokens, usedByTokens } from '../figures/seen-touches.js';
import {
  extentsOf,
  type FilesRead,
  type Subject,
  type SubjectFigures,
  SubjectJoins,
  subjectsOf,
  touchesOf,
  usesOf,
} from '../figures/subjects.js';
import type { Summary } from '../figures/summary-schema.js';
import type { Trace } from '../figures/trace.js';
import type { Steps } from '../machine/steps.js';
import type { TracedFile } from '../machine/traced-files.js';
import type { Model } from '../model/gguf.js';
import type { NativeSummary } from '../native/trace.js';
import { type ConfigStart, extentsConfig, marksConfig, type RunConfig } from '../run/config.js';
import { type RunFolder, runFiles } from '../run/run-folder.js';
import type { ResidencyWatch } from '../sample/residency.js';
import type { Sample } from '../sample/sample.js';
import { Run } from '../store/open-run.js';
import type { StoreWriter } from '../store/store.js';
import type { CacheRecord } from '../touches/cache-watch.js';
import type { SeenTouches } from '../touches/seen.js';
import type { WorkloadOutcome } from '../workload/engine.js';
import { contentionOf } from './contention.js';
import { KeptTrace } from './kept-trace.js';
import { type BoundSource, boundOfRun } from './run-bound.js';
import { workloadFailure } from './workload-failure.js';

/** A run that was made. */
export interface FinishedRun {
  run: Run;
  /** Why it is not a good one: events lost or not written, the workload failed, interrupted. null: all is well. */
  problem: BlkscopeError | null;
}

/** What was seen of the workload while a live trace ran. */
export interface WatchedWorkload {
  outcome: WorkloadOutcome | null;
  samples: readonly Sample[];
  residency: ResidencyWatch;
  /** By this process, to any disk. */
  bytesWritten: number;
  /** CPU time of a live view. */
  viewNs: number;
  /** What the workload's passes used of the first model; left out: they were not watched. */
  seen?: SeenTouches;
  /** What was recorded of its files in the page cache; left out: they were not watched. */
  cache?: CacheRecord;
}

export interface FinishInput {
  folder: RunFolder;
  steps: Steps;
  /** What the writing is called among the steps. */
  step: string;
  trace: Trace;
  /** null: a saved trace tells nothing of it. */
  watched: WatchedWorkload | null;
  files: readonly TracedFile[];
  /** The number that the device of the files has in the trace; null: there are none. */
  filesDevice: number | null;
  /** The tracer did not know the files. */
  filesFoundLater?: boolean;
  /** Models that are whole among the files, the run's own first. */
  models: readonly Model[];
  memory: CountedMemory;
  config: ConfigStart;
  /** What the trace itself tells of its time, once it is read; otherwise the config has it. */
  origin?: () => Pick<ConfigStart, 'startedAt' | 'startedNs' | 'importedAt'>;
  /** For the bound; null: there is none. */
  bound: BoundSource | null;
  /** Default true; false: the figures alone are kept. */
  store?: boolean;
  /** Asked once the trace is read: why it was ended before its time; null when it was not. */
  interruption: () => BlkscopeError | null;
}

/**
 * The one end of every run, recording and import: writes the events and the figures, and gives the run folder its name.
 * The workload has ended, all is undone.
 *
 * Where the disk does not take the events, the run keeps its figures alone; where it takes nothing at all, the figures
 * are returned all the same. Both are the run's problem.
 */
export async function finishRun(input: FinishInput): Promise<FinishedRun> {
  const { folder, steps, trace, watched, config, origin } = input;
  await using kept = new KeptTrace(input.store === false ? null : folder.file(runFiles.trace));
  const summary = await steps.closingStep(input.step, () => writeTrace(input, kept));
  const whole: RunConfig = {
    ...config,
    ...origin?.(),
    devices: [...trace.devices],
    files: input.files.map((file) => ({
      ...file,
      bytes: file.extents.bytes,
      extents: extentsConfig(file.extents),
    })),
    tracer: trace.info,
    steps: steps.records,
    openedFiles: watched?.outcome?.openedFiles ?? [],
    marks: marksConfig(watched?.outcome?.marks ?? []),
  };
  const unwritten = publish(folder, summary, whole) ?? withoutEvents(folder, kept.failure);
  return {
    run: new Run(folder.target, summary, whole),
    problem: unwritten ?? problemOf(input, summary),
  };
}

/** Fills trace.duckdb and makes the summary of the same events. */
async function writeTrace(input: FinishInput, kept: KeptTrace): Promise<Summary> {
  const { trace, watched, files, models, filesDevice } = input;
  const used = usedOf(input);
  const outcome = withSpeedOf(used, watched?.outcome ?? null);
  const subjects = subjectsOf(files, models);
  const model = subjects[0]?.model ?? null;
  const { marks = [], generation: said = null } = outcome ?? {};
  const join = new SubjectJoins(subjects, filesDevice, marks, said);
  const of = { files: extentsOf(subjects.slice(0, 1)), device: filesDevice ?? 0, layered: trace.layered };
  const phases = new PhaseAnalyses(of, marks, said);
  const inFiles = subjects.map(
    (subject) => new FileAnalysis(filesDevice === null ? null : { ...of, files: extentsOf([subject]) }),
  );
  const found =
    input.filesFoundLater && filesDevice !== null
      ? new FoundFiles({ files: extentsOf(subjects), device: filesDevice, layered: trace.layered })
      : null;
  const served =
    outcome?.requests?.length && filesDevice !== null
      ? new RequestReads(extentsOf(subjects), filesDevice, outcome.requests, outcome.endedAt)
      : null;
  const watching = [...[join, phases, ...inFiles].filter(({ any }) => any), found, served].filter(
    (each) => each !== null,
  );
  const batches = watching.length > 0 ? shownTo(watching, trace.batches) : trace.batches;
  await kept.write((store) => store.writeTrace(batches));
  if (watching.length > 0) for await (const _ of batches); // those that no store has taken
  const summed = await trace.summary();
  const traced = found ? found.complete(summed) : summed;
  const readInFiles = inFiles.map((analysis) => analysis.results());
  const reads = readInFiles.map((each) => each?.allFiles ?? noneRead);
  // The only subject's is the tracer's, which counts also where batches are not delivered.
  const figures = withHeatOf(
    used,
    join.results(subjects.length === 1 ? [traced.allFiles] : reads, outcome ?? undefined),
  );
  const requests = served?.results() ?? null;
  const summary = buildSummary({
    devices: trace.devices,
    info: trace.info,
    traced,
    subjects: figures,
    memory: input.memory,
    contention: watched && contentionOf(watched),
    workload: outcome,
    phases: phases.results(),
    requests,
    inFiles: readInFiles[0] ?? null,
    bytesWrittenToDevice: watched?.bytesWritten ?? 0,
    interrupted: input.interruption()?.message ?? null,
  });
  summary.tracer.analysisNs += watched?.viewNs ?? 0;
  if (used) summary.touches = used.figures;
  const account = watched?.cache ? accountOf(watched.cache, subjects, outcome) : null;
  if (account) summary.account = account.summary;
  if (model && outcome && input.bound)
    summary.bound = boundOfRun(input.bound, { outcome, samples: watched?.samples ?? [] }, summary, model);
  await kept.write((store) =>
    writeTables(store, input, { traced, subjects, figures, requests, summary, used, account }),
  );
  return summary;
}

const noneRead: FilesRead = { bytes: 0, reads: 0, readBytes: 0, uniqueBytes: 0 };

interface Written {
  traced: NativeSummary;
  subjects: readonly Subject[];
  figures: readonly SubjectFigures[];
  requests: RequestReadsResults | null;
  summary: Summary;
  used: UsedByTokens | null;
  account: Account | null;
}

/** Of the run's own model, which is the first. */
function usedOf({ watched, models: [model] }: FinishInput): UsedByTokens | null {
  if (!watched?.seen || !watched.outcome || !model) return null;
  return usedByTokens(model, watched.seen, watched.outcome);
}

/** What watching costs is no part of the workload's speed. */
function withSpeedOf(used: UsedByTokens | null, outcome: WorkloadOutcome | null): WorkloadOutcome | null {
  const ns = used?.figures.unprofiledNsPerToken;
  if (!outcome || !ns) return outcome;
  return { ...outcome, timings: { ...outcome.timings, tokensPerSecond: 1e9 / ns, saidTokenNs: ns } };
}

/** What tokens used is seen, so that the heat is of that and not of what was read. */
function withHeatOf(used: UsedByTokens | null, [first, ...others]: SubjectFigures[]): SubjectFigures[] {
  return first && used ? [{ ...first, heat: used.heat }, ...others] : [...(first ? [first] : []), ...others];
}

/** All tables but those of the events. */
async function writeTables(
  store: StoreWriter,
  { trace, watched, files, config, origin }: FinishInput,
  { traced, subjects, figures, requests, summary, used, account }: Written,
): Promise<void> {
  await store.writeProcesses(traced.processes);
  const layered = new Set(summary.devices?.filter((each) => each.layered).map(({ number }) => number));
  await store.writeDevices(trace.devices.map((each) => ({ ...each, layered: layered.has(each.number) })));
  await store.writeExtents(files);
  for (const { model, files: parts } of subjects)
    if (model)
      await store.writeTensors(
        model,
        parts.map(({ path }) => path),
      );
  await store.writeSamples(watched?.samples ?? []);
  if (watched) await store.writeResidency(watched.residency);
  await store.writeTokens(watched?.outcome?.marks ?? []);
  const first = firstGenerated(watched?.outcome?.marks ?? []);
  for (const [i, subject] of subjects.entries())
    await store.writeTouches(touchesOf(subject, figures[i] as SubjectFigures, first));
  if (used && subjects[0]) await store.writeTouches(usesOf(subjects[0], used, first));
  await store.writeAccount(account?.rows ?? []);
  await store.writeRequests((requests?.requests ?? []).map(requestRow));
  await store.writeFigures(summary);
  await store.finish(JSON.stringify(summary), { ...config, ...origin?.(), host: config.machine.host });
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
    return new BlkscopeError(
      error.code,
      `the run is not kept, only its figures are told: ${error.message}`,
      error.kind,
    );
  }
}

function withoutEvents(folder: RunFolder, failure: BlkscopeError | null): BlkscopeError | null {
  if (!failure) return null;
  const message = `${folder.target} keeps the figures but not the events: ${failure.message}`;
  return new BlkscopeError(failure.code, message, failure.kind);
}

function problemOf(input: FinishInput, summary: Summary): BlkscopeError | null {
  const outcome = input.watched?.outcome ?? null;
  const interruption = input.interruption();
  if (interruption) return interruption;
  if (outcome && failed(outcome)) {
    return new BlkscopeError('WORKLOAD_FAILED', workloadFailure(outcome, summary, input.folder), 'workload');
  }
  return lossProblem(summary.integrity.defects);
}

/** A server does not end by itself, and one that ran before we came is not ours to judge. */
function failed({ attached, exitCode, timedOut, requests, stopped }: WorkloadOutcome): boolean {
  if (attached || (requests && stopped)) return false;
  return exitCode !== 0 || timedOut;
}

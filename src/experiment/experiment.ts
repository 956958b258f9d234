import { realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { BoundRecords } from '../bound/bound-records.js';
import { measuredDiskSpeed } from '../bound/disk-speed.js';
import { BlkscopeError } from '../errors.js';
import { locateFiles, type TracedFiles } from '../figures/traced-files.js';
import { beginChanges, undoChanges } from '../machine/changes.js';
import { memoryState } from '../machine/machine.js';
import { mountTracing } from '../machine/mounts.js';
import { noProgress, type Progress } from '../machine/progress.js';
import { recover } from '../machine/recover.js';
import { Steps } from '../machine/steps.js';
import { type CacheState, prepareCache } from '../memory/cache-state.js';
import { applyPressure, type Pressure, type PressureRequest, requirePressure } from '../memory/pressure.js';
import { readAheadKib, requireReadAhead, setReadAhead } from '../memory/readahead.js';
import { formatSize } from '../memory/size.js';
import { swapAreas } from '../memory/swap.js';
import { type Model, modelsOf, readModel } from '../model/gguf.js';
import { checkPinFits } from '../pin/automatic-size.js';
import { pinPlan } from '../pin/pinned-model.js';
import { streamReadAheadKib } from '../pin/stream-plan.js';
import { configStart } from '../run/config.js';
import { defaultRunPath, RunFolder, runFiles } from '../run/run-folder.js';
import type { Sampler } from '../sample/sampler.js';
import type { Engine, WorkloadOptions, WorkloadOutcome } from '../workload/engine.js';
import { findEngine } from '../workload/find-engine.js';
import { usesPageCache } from '../workload/loading.js';
import { speculates } from '../workload/speculation.js';
import { argumentFiles } from './argument-files.js';
import { cachedRunCompute } from './cached-run.js';
import { type FinishedRun, finishRun } from './finish-run.js';
import { interruptionBy } from './interruption.js';
import { liveTrace, measure, watched } from './measure.js';
import { memorySummary, streamSummary } from './memory-summary.js';
import { askedOfPin, type PinRequest, pinModel } from './pin-model.js';
import { smallestLimit } from './profile-touches.js';
import { requireRoot, requireThread, requireTracing, tryTracing } from './requirements.js';
import { mountSpool } from './spool-mount.js';
import { given, type TraceOptions, tracerOptions } from './trace-options.js';

/** What the workload is asked to do; the experiment itself sees to its log, cgroup and marks. */
type AskedOfWorkload = Omit<WorkloadOptions, 'model' | 'log' | 'signal' | 'onMark' | 'launch'>;

export interface ExperimentOptions extends TraceOptions {
  /** The GGUF file; of a split model any part. */
  model: string;
  /** llama.cpp's program, a folder of them, or `embedded`. Default: $LLAMA_CLI, PATH, then embedded. */
  llama?: string;
  workload?: AskedOfWorkload;
  /** Default: none. */
  pressure?: PressureRequest;
  /** Holds part of the model in the page cache during the run. Default: none of it. */
  pin?: PinRequest;
  /** Default: cold. */
  cache?: CacheState;
  /** Also drops the whole machine's page cache first. */
  dropCaches?: boolean;
  /** Readahead of the model's disk during the run, put back afterwards. Default: as it is. */
  readAheadKib?: number;
  /**
   * Sets up a run whose trace shows what every token touches: the smallest memory that works, readahead off. Takes the
   * place of `pressure` and `readAheadKib`.
   */
  profileTouches?: boolean;
  /** Mounts tracefs and debugfs for the run where they are not mounted. */
  mount?: boolean;
  /** The run folder. Default: runs/ and a name from the time and the model. */
  output?: string;
  progress?: Progress;
  /** Ends the run early: what was traced by then is kept, marked incomplete. */
  signal?: AbortSignal;
  /** Recorded in config.json. */
  commandLine?: readonly string[];
}

/**
 * Runs llama.cpp on a model while memory is short, and traces the disk underneath.
 *
 * The order: checks, cache, readahead, the disk's speed, pressure, pinning, tracing, workload; each step is logged with its time and undone in reverse,
 * on success, on errors and when `signal` aborts. Throws BlkscopeError when no run could be made; a run that was made
 * but is not a good one comes with its `problem`.
 */
export async function runExperiment(options: ExperimentOptions): Promise<FinishedRun> {
  const progress = options.progress ?? noProgress;
  const steps = new Steps(progress, options.signal);
  const subject = await steps.step('check model, engine and machine', () => checkSubject(options, progress));
  for (const line of subject.engine.passedOver ?? []) progress.warn(`not used: ${line}`);
  for (const note of subject.model.notes) progress.warn(note);
  const folder = RunFolder.begin(options.output ?? defaultRunPath(options.model));
  try {
    return await runSteps(options, subject, folder, steps, progress);
  } catch (error) {
    folder.discard();
    throw error;
  } finally {
    await steps.undo();
  }
}

/** What is run, and where its files lie. */
interface Subject {
  model: Model;
  /** What the program is given besides: a draft model, a projector, adapters. */
  others: Model[];
  files: TracedFiles;
  engine: Engine;
}

async function checkSubject(options: ExperimentOptions, progress: Progress): Promise<Subject> {
  const model = await readModel(options.model);
  const files = locateFiles(model.parts.map(({ path }) => path));
  const beside = await modelsBeside(options, files, progress);
  requireRoot();
  recover(); // first of all: what a killed session left would be taken for this machine's own settings
  requireTracing(options);
  requireThread(options);
  requirePressure(options.pressure ?? { mode: 'none' }, memoryState().availableBytes);
  if (options.readAheadKib !== undefined) requireReadAhead(options.readAheadKib);
  if (options.pin?.stream && speculates(options.workload?.extraArgs ?? [])) {
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      '--stream reads the weights once for each token, but with speculative decoding a token is not one walk over them; leave out one of the two',
    );
  }
  if (options.pin) await requirePin(model, options.pin, options.pressure);
  return { model, ...beside, engine: await findEngine(options.llama) };
}

/** What cannot be planned, or leaves the workload no memory, is told before anything is done. */
async function requirePin(
  model: Model,
  pin: PinRequest,
  pressure: PressureRequest | undefined,
): Promise<void> {
  await pinPlan(model, askedOfPin(pin));
  if (pin.bytes !== 'auto' && pressure?.mode === 'limit')
    checkPinFits(Math.min(pin.bytes, model.bytes), pressure.bytes);
}

/** The models among the program's own arguments that lie on the same disk, and where all files lie. */
async function modelsBeside(
  { workload }: ExperimentOptions,
  files: TracedFiles,
  progress: Progress,
): Promise<Pick<Subject, 'others' | 'files'>> {
  const leftOut = (path: string, error: Error) =>
    progress.warn(`the reads of ${path} are not counted: ${error.message}`);
  const named = await argumentFiles(['', ...(workload?.extraArgs ?? [])]);
  const models = await modelsOf(
    named.filter((path) => !files.paths.includes(realpathSync(path))),
    leftOut,
  );
  const others: Model[] = [];
  let all = files;
  for (const model of models) {
    try {
      all = locateFiles([...all.paths, ...model.parts.map(({ path }) => path)]);
      others.push(model);
    } catch (error) {
      leftOut(model.path, error as Error);
    }
  }
  return { others, files: all };
}

async function runSteps(
  asked: ExperimentOptions,
  { model, others, files, engine }: Subject,
  folder: RunFolder,
  steps: Steps,
  progress: Progress,
): Promise<FinishedRun> {
  const config = configStart('run', asked.commandLine, recorded(asked));
  const log = folder.file(runFiles.log);
  if (asked.mount) await mountTracing(steps);
  const trace = tracerOptions(await mountSpool(steps, asked), [files.disk], files.extents);
  await tryTracing(steps, trace);
  const options = asked.profileTouches
    ? await profiling(asked, engine, model.path, log, steps)
    : withStreamReadAhead(asked);
  const cache = options.cache ?? 'cold';
  await setCache(options, cache, files, steps, progress);
  await setReadAheadFor(options, files, steps);
  const diskSpeed = await steps.step(`measure how fast ${files.disk} reads`, () =>
    measuredDiskSpeed(model.path, files.disk, dirname(folder.target)),
  );
  const pressure = await setPressure(options, steps, progress);
  const readAhead = readAheadKib(files.disk);

  const workload: WorkloadOptions = {
    ...options.workload,
    model: model.path,
    log,
    launch: pressure.cgroup ? { cgroupProcsFile: pressure.cgroup.procsFile } : {},
    ...given({ signal: options.signal }),
  };
  if (options.pin) warnOfUselessPin(engine, workload, progress);
  const pinned = options.pin
    ? await pinModel(
        {
          request: options.pin,
          model,
          engine,
          workload,
          pressure,
          readAheadKib: readAhead,
          resetCache: () => setCache(options, cache, files, steps, progress),
        },
        steps,
        progress,
      )
    : null;
  const cgroupBefore = pressure.cgroup?.figures() ?? null;
  const measurement = await measure(steps, progress, trace, files.paths, (sampler) =>
    steps.step(`run ${engine.name}`, () => runWorkload(engine, workload, sampler)),
  );
  await using _tracer = measurement.tracer;
  await pinned?.check().catch((error: Error) => progress.warn(error.message));
  const streamed = (await pinned?.streamed().catch(() => null)) ?? null;
  const cgroup = pressure.cgroup && cgroupBefore && pressure.cgroup.figuresSince(cgroupBefore);
  await steps.undo();
  const computeNs = await cachedRunCompute(
    {
      engine,
      model,
      workload,
      measurement,
      cache,
      streamed: streamed !== null,
      runs: dirname(folder.target),
    },
    steps,
    progress,
  );
  config.versions[engine.name] = measurement.outcome?.version ?? null;
  return await finishRun({
    folder,
    steps,
    step: 'write the run',
    trace: liveTrace(measurement),
    watched: watched(measurement),
    files: files.files,
    filesDevice: measurement.devices[0]?.number ?? null,
    models: [model, ...others],
    memory: memorySummary({
      measurement,
      pressure,
      cgroup,
      readAheadKib: readAhead,
      cache,
      pinnedBytes: pinned?.bytes ?? 0,
      pinnedUsedBytes: pinned?.plan.savedBytes ?? null,
      stream: streamSummary(pinned?.plan.stream ?? null, streamed),
    }),
    config,
    bound: {
      diskSpeed,
      computeNs,
      records: new BoundRecords(dirname(folder.target), { engine, model, workload, disk: files.disk }),
      threads: options.workload?.threads ?? availableParallelism(),
    },
    interruption: () => interruptionBy(options.signal),
  });
}

/** Beside a stream readahead would only take the memory that it needs. */
function withStreamReadAhead(options: ExperimentOptions): ExperimentOptions {
  if (!options.pin?.stream) return options;
  return { ...options, readAheadKib: options.readAheadKib ?? streamReadAheadKib };
}

/** Found before all else is set up, since it runs the workload a few times. */
async function profiling(
  options: ExperimentOptions,
  engine: Engine,
  model: string,
  log: string,
  steps: Steps,
): Promise<ExperimentOptions> {
  const workload = { ...options.workload, model, log, ...given({ signal: options.signal }) };
  const bytes = await smallestLimit(engine, workload, steps);
  return { ...options, pressure: { mode: 'limit', bytes }, readAheadKib: 0 };
}

async function setCache(
  { dropCaches = false }: ExperimentOptions,
  cache: CacheState,
  files: TracedFiles,
  steps: Steps,
  progress: Progress,
): Promise<void> {
  const names = { cold: 'evict the model from the page cache', warm: 'read the model into the page cache' };
  if (cache === 'asIs' && !dropCaches) return;
  const name = cache === 'asIs' ? 'drop the page cache' : names[cache];
  await steps.step(name, () =>
    prepareCache(cache, files.paths, { dropCaches, onProgress: (text) => progress.update(text) }),
  );
}

async function setReadAheadFor(
  { readAheadKib: kib }: ExperimentOptions,
  { disk }: TracedFiles,
  steps: Steps,
): Promise<void> {
  if (kib === undefined) return;
  const changes = beginChanges();
  steps.onUndo(`restore the readahead of ${disk}`, () => undoChanges(changes));
  await steps.step(`set the readahead of ${disk} to ${kib} KiB`, () => setReadAhead(changes, disk, kib));
}

async function setPressure(options: ExperimentOptions, steps: Steps, progress: Progress): Promise<Pressure> {
  const request = options.pressure ?? { mode: 'none' };
  const apply = () =>
    applyPressure(request, {
      changes,
      availableBytes: memoryState().availableBytes,
      onProgress: (text) => progress.update(text),
      ...given({ signal: options.signal }),
    });
  const changes = beginChanges();
  if (request.mode === 'none') return apply();
  warnOfSwap(progress);
  const names = { lock: 'lock memory', leave: 'lock memory', limit: 'make the memory cgroup' };
  if (request.mode === 'limit') steps.onUndo('remove the memory cgroup', () => undoChanges(changes));
  const pressure = await steps.step(names[request.mode], apply);
  if (request.mode !== 'limit') steps.onUndo('release the locked memory', () => pressure.release());
  return pressure;
}

/** A pin holds pages of the file: to a program that has its own copy they do nothing. */
function warnOfUselessPin(engine: Engine, workload: WorkloadOptions, progress: Progress): void {
  const loading = engine.loading?.(workload);
  if (!loading || usesPageCache(loading)) return;
  progress.warn(
    `--pin gives nothing with load mode ${loading.mode}: the program reads the file once, into memory of its own`,
  );
}

/** With swap, pressure pushes out anonymous memory too, and the reads of the model are not all that it costs. */
function warnOfSwap(progress: Progress): void {
  for (const { path, bytes, zram } of swapAreas()) {
    const where = zram
      ? 'compressed memory, which is part of the same memory'
      : 'its traffic is on the disk as well';
    progress.warn(`swap is on: ${path}, ${formatSize(bytes)} (${where}); 'swapoff ${path}' switches it off`);
  }
}

async function runWorkload(
  engine: Engine,
  options: WorkloadOptions,
  sampler: Sampler,
): Promise<WorkloadOutcome> {
  const running = await engine.start(options);
  sampler.watch(running.pid);
  return running.done;
}

/** The options as config.json keeps them: what a later `run` needs to do the same. */
function recorded({
  progress: _,
  signal: __,
  commandLine: ___,
  ...options
}: ExperimentOptions): Record<string, unknown> {
  return options as unknown as Record<string, unknown>;
}

import { dirname } from 'node:path';
import { BoundRecords } from '../bound/bound-records.js';
import { defectLine, toldDefect } from '../figures/defects.js';
import type { Progress } from '../machine/progress.js';
import { Steps } from '../machine/steps.js';
import type { CgroupFigures } from '../memory/cgroup.js';
import type { NativeStreamFigures } from '../native/memory.js';
import { type ConfigStart, configStart } from '../run/config.js';
import { RunFolder } from '../run/run-folder.js';
import type { Sampler } from '../sample/sampler.js';
import type { CacheRecord } from '../touches/cache-watch.js';
import type { SeenTouches } from '../touches/seen.js';
import type { Engine, Mark, WorkloadOptions, WorkloadOutcome } from '../workload/engine.js';
import { copyLine, foreseenCopy } from '../workload/packed-layouts.js';
import { threadsAtOnce } from '../workload/resolved.js';
import { cachedRunCompute } from './cached-run.js';
import { type FinishedRun, finishRun } from './finish-run.js';
import { interruptionBy } from './interruption.js';
import { liveTrace, type Measurement, measure, watched } from './measure.js';
import { memorySummary, streamSummary } from './memory-summary.js';
import { type ExperimentOptions, type ResolvedOptions, recorded, resolvedOptions } from './options.js';
import { type Prepared, prepare } from './prepare.js';
import { checkSubject, type RunSubject } from './subject.js';
import { given } from './trace-options.js';
import type { Watch } from './watch.js';
import { seenBy } from './watch-touches.js';

/**
 * Runs llama.cpp on a model while memory is short, and traces the disk underneath.
 *
 * The order: checks, cache, readahead, the disk's speed, pressure, pinning, tracing, workload; each step is logged with its time and undone in reverse,
 * on success, on errors and when `signal` aborts. Throws BlkscopeError when no run could be made; a run that was made
 * but is not a good one comes with its `problem`.
 */
export async function runExperiment(asked: ExperimentOptions): Promise<FinishedRun> {
  const options = resolvedOptions(asked);
  const { progress } = options;
  const steps = new Steps(progress, options.signal, options);
  const subject = await steps.step('check model, engine and machine', () => checkSubject(options));
  tellBefore(subject, options);
  const folder = RunFolder.begin(options.output);
  try {
    const config = configStart('run', options.commandLine, recorded(options, subject.engine));
    const prepared = await prepare(options, subject, folder, steps);
    await using measured = await measureWorkload(options.watch, subject, prepared, steps, progress);
    await steps.undo();
    return await finish({ options, subject, prepared, measured, folder, config, steps });
  } catch (error) {
    folder.discard();
    throw error;
  } finally {
    await steps.undo();
  }
}

/** What the user should know of the subject before the run. */
function tellBefore({ engine, model }: RunSubject, { workload, progress }: ResolvedOptions): void {
  // First of all: with copied weights the run measures something else than most expect.
  const copy = foreseenCopy(model, engine, { ...workload, model: model.path, log: '' });
  if (copy) progress.warn(copyLine(copy, engine));
  for (const line of engine.passedOver ?? []) progress.warn(`not used: ${line}`);
  for (const note of model.notes) progress.warn(note);
}

/** What happened, read while the cgroup and the pin were still there. The tracer holds the events until it is disposed of. */
interface Measured extends AsyncDisposable {
  measurement: Measurement;
  cgroup: CgroupFigures | null;
  /** False: the memory cgroup was removed or changed by somebody meanwhile. */
  limitHeld: boolean;
  streamed: NativeStreamFigures | null;
  seen: SeenTouches | null;
  cache?: CacheRecord;
}

async function measureWorkload(
  watch: Watch | undefined,
  { model, files, engine }: RunSubject,
  { trace, pressure, pinned, workload, touches, account }: Prepared,
  steps: Steps,
  progress: Progress,
): Promise<Measured> {
  const cgroupBefore = pressure.cgroup?.figures() ?? null;
  let tokens = 0;
  const onMark = (mark: Mark) => {
    if (mark.kind === 'token') tokens++;
    watch?.mark(mark);
  };
  const madeSoFar = () => (tokens === 0 ? null : `token ${tokens} of ${workload.tokens}`);
  const shown = { ...workload, onMark };
  const measurement = await measure(
    steps,
    progress,
    trace,
    files.paths,
    (sampler) =>
      steps.step(`run ${engine.name}`, () => runWorkload(engine, shown, sampler, { touches, account })),
    { watch, model, madeSoFar },
  );
  const traced = account?.stop();
  await pinned?.check().catch((error: Error) => progress.warn(error.message));
  const streamed = (await pinned?.streamed().catch(() => null)) ?? null;
  const cgroup = pressure.cgroup && cgroupBefore && pressure.cgroup.figuresSince(cgroupBefore);
  const limitHeld = pressure.cgroup?.holds() ?? true;
  if (!limitHeld) progress.warn(defectLine(toldDefect(limitLost)));
  try {
    const seen = touches && seenBy(touches, measurement.outcome, progress);
    const cache = traced && seen ? { ...traced, unmappedAt: seen.passes[0]?.beginNs ?? null } : traced;
    return {
      ...{ measurement, cgroup, limitHeld, streamed, seen, ...given({ cache }) },
      [Symbol.asyncDispose]: () => measurement.tracer[Symbol.asyncDispose](),
    };
  } catch (error) {
    await measurement.tracer[Symbol.asyncDispose]();
    throw error;
  }
}

/** Told as a cause, since the run then was not made as it was asked for. */
const limitLost = { code: 'LIMIT_LOST', values: {} };

interface Finish {
  options: ResolvedOptions;
  subject: RunSubject;
  prepared: Prepared;
  measured: Measured;
  folder: RunFolder;
  config: ConfigStart;
  steps: Steps;
}

/** The machine is as it was: the bound's cached run, then the files of the run. */
async function finish(input: Finish): Promise<FinishedRun> {
  const { options, subject, prepared, measured, folder, config, steps } = input;
  const { model, others, files, engine } = subject;
  const { workload, pressure, cache, pinned, diskSpeed } = prepared;
  const { measurement, cgroup } = measured;
  const runs = dirname(folder.target);
  const streamed = measured.streamed !== null;
  const cached = { engine, model, workload, measurement, cache, streamed, runs };
  const warm = await cachedRunCompute(cached, steps, options.progress);
  config.versions[engine.name] = measurement.outcome?.version ?? null;
  return await finishRun({
    folder,
    steps,
    step: 'write the run',
    trace: liveTrace(measurement, measured.limitHeld ? [] : [limitLost]),
    watched: {
      ...watched(measurement),
      ...given({ seen: measured.seen ?? undefined, cache: measured.cache }),
    },
    files: files.files,
    filesDevice: measurement.devices[0]?.number ?? null,
    models: [model, ...others],
    memory: memorySummary({
      ...{ measurement, cgroup, cache },
      pressure: measured.limitHeld ? pressure : null,
      readAheadKib: prepared.readAheadKib,
      pinnedBytes: pinned?.bytes ?? 0,
      pinnedUsedBytes: pinned?.plan.savedBytes ?? null,
      stream: streamSummary(pinned?.plan.stream ?? null, measured.streamed),
    }),
    config,
    bound: {
      diskSpeed,
      warm,
      records: new BoundRecords(runs, { engine, model, workload, disk: files.disk }),
      atOnce: threadsAtOnce(options.workload),
    },
    interruption: () => interruptionBy(options.signal),
  });
}

async function runWorkload(
  engine: Engine,
  options: WorkloadOptions,
  sampler: Sampler,
  { touches, account }: Pick<Prepared, 'touches' | 'account'>,
): Promise<WorkloadOutcome> {
  const passes = touches ?? account?.passes;
  const launch = passes ? passes.launchWith(options.launch) : options.launch;
  const onSpawn = (pid: number) => {
    touches?.attach(pid);
    account?.attach(pid);
  };
  const running = await engine.start({
    ...options,
    launch: { ...launch, ...(touches || account ? { onSpawn } : {}) },
  });
  sampler.watch(running.pid);
  return running.done;
}

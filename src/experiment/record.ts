import { BlkscopeError } from '../errors.js';
import { locateFound } from '../figures/found-files.js';
import { requireDevice } from '../machine/device-name.js';
import { type DeviceConfig, readAheadOf } from '../machine/machine.js';
import { mountTracing } from '../machine/mounts.js';
import { noProgress, type Progress } from '../machine/progress.js';
import { recover } from '../machine/recover.js';
import { Steps } from '../machine/steps.js';
import { locateFiles, type TracedFiles } from '../machine/traced-files.js';
import { modelsOf } from '../model/gguf.js';
import { native } from '../native/binding.js';
import { fileIdentity } from '../process/file-identity.js';
import { onAbort } from '../process/on-abort.js';
import { type OpenedFile, openedFiles } from '../process/opened-files.js';
import { pathHere } from '../process/other-mounts.js';
import type { ProcessFacts } from '../process/process-facts.js';
import { configStart } from '../run/config.js';
import { defaultRunPath, RunFolder, runFiles } from '../run/run-folder.js';
import type { Sampler } from '../sample/sampler.js';
import { type CacheRecord, CacheWatch } from '../touches/cache-watch.js';
import { attach, logsToFollow, processToAttach } from '../workload/attached.js';
import { commandEngine } from '../workload/command.js';
import type { OutputSink, WorkloadOutcome } from '../workload/engine.js';
import { argumentFiles } from './argument-files.js';
import { type FinishedRun, finishRun } from './finish-run.js';
import { interruptionBy } from './interruption.js';
import { liveTrace, measure, watched } from './measure.js';
import { memorySummary } from './memory-summary.js';
import { requireRoot, requireThread, requireTracing } from './requirements.js';
import { mountSpool } from './spool-mount.js';
import { given, type TraceOptions, tracerOptions } from './trace-options.js';

export interface RecordOptions extends TraceOptions {
  /** Devices to trace, `vda` or `/dev/vda`. Default: the disk of the files. */
  devices?: string[];
  /** Files whose coverage is counted. Default: the large files that the command names, else those that it uses. */
  files?: string[];
  /** The program to run and its arguments; tracing ends with it. */
  command?: string[];
  /** A process that runs already, such as a server: it is looked at, and nothing of it is changed. Not with `command`. */
  attach?: number;
  /** With `attach`: files that the log of this process is written to by somebody else; what it writes itself is found. */
  logs?: string[];
  /** What becomes of what the command prints. Default: workload.log, up to 64 MiB. */
  commandOutput?: OutputSink;
  /** Variables that the command gets on top of those that a workload gets. */
  env?: Record<string, string>;
  /** Tracing, and the command if there is one, end after this time at the latest. */
  durationMs?: number;
  /** Tells what became of every byte read of the files by the command: used, or read in vain. docs/account.md has the method. */
  account?: boolean;
  mount?: boolean;
  /** The run folder. Default: runs/ and a name from the time and the command. */
  output?: string;
  progress?: Progress;
  /** Ends the recording; without a command, and of a server, that is its regular end if no duration is given. */
  signal?: AbortSignal;
  commandLine?: readonly string[];
}

/** Traces devices while a command or a process runs, for a time, or until `signal` aborts. Throws BlkscopeError as runExperiment does. */
export async function record(options: RecordOptions): Promise<FinishedRun> {
  const progress = options.progress ?? noProgress;
  const steps = new Steps(progress, options.signal, options);
  const attached = attachedProcess(options);
  const { devices, files } = await steps.step('check files and devices', () =>
    checkTargets(options, attached, progress),
  );
  const engine = options.command ? commandEngine(options.command) : null;
  const folder = RunFolder.begin(options.output ?? defaultRunPath(nameOf(options, attached, devices)));
  try {
    const { progress: _, signal: __, commandLine: ___, watch, commandOutput, ...asked } = options;
    const printed = typeof commandOutput === 'function' ? 'pass' : commandOutput;
    const config = configStart('record', options.commandLine, {
      ...asked,
      ...given({ commandOutput: printed }),
    });
    if (options.mount) await mountTracing(steps);
    const trace = tracerOptions(await mountSpool(steps, options), devices, files?.extents ?? []);
    const account = options.account && files ? new CacheWatch(files.paths, null) : null;
    let cache: CacheRecord | undefined;
    const work = async (sampler: Sampler) => {
      if (attached) return watchProcess(attached, options, steps, sampler);
      if (!engine) return steps.step('record', () => waitFor(options));
      return steps.step(`run ${options.command?.[0]}`, async () => {
        const running = await engine.start({
          log: folder.file(runFiles.log),
          ...given({
            signal: options.signal,
            timeLimitMs: options.durationMs,
            env: options.env,
            output: commandOutput,
          }),
          ...(account ? { launch: { onSpawn: (pid: number) => account.attach(pid) } } : {}),
        });
        sampler.watch(running.pid);
        const outcome = await running.done;
        cache = account?.stop();
        return outcome;
      });
    };
    const measurement = await measure(steps, progress, trace, files?.paths ?? [], work, { watch });
    await using _tracer = measurement.tracer;
    await steps.undo();
    const found =
      files && !attached
        ? null
        : filesFound(options, files, measurement.outcome?.openedFiles ?? [], devices, progress);
    const read = found ?? files;
    const models = await modelsOf(read?.paths ?? [], (path, error) =>
      progress.warn(`the tensors of ${path} are not told apart: ${error.message}`),
    );
    for (const note of models.flatMap(({ notes }) => notes)) progress.warn(note);
    // The files lie on the first device.
    const devicesOfFilesFirst = withFirst(measurement.devices, read?.disk);
    return await finishRun({
      folder,
      steps,
      step: 'write the run',
      trace: liveTrace({ ...measurement, devices: devicesOfFilesFirst }),
      watched: { ...watched(measurement), ...given({ cache }) },
      files: read?.files ?? [],
      filesDevice: devicesOfFilesFirst[0]?.number ?? null,
      filesFoundLater: found !== null,
      models,
      memory: memorySummary({
        measurement,
        pressure: null,
        cgroup: null,
        readAheadKib: readAheadOf(devicesOfFilesFirst[0] as DeviceConfig),
        pinnedBytes: 0,
        pinnedUsedBytes: null,
        stream: null,
        cache: null,
      }),
      config,
      bound: null,
      interruption: () =>
        options.command && !measurement.outcome?.stopped ? interruptionBy(options.signal) : null,
    });
  } catch (error) {
    folder.discard();
    throw error;
  } finally {
    await steps.undo();
  }
}

function attachedProcess({ attach: pid, command, logs }: RecordOptions): ProcessFacts | null {
  if (logs?.length && pid === undefined)
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      '--log names the log of a process that runs already: name the process by --attach',
    );
  if (pid === undefined) return null;
  if (command)
    throw new BlkscopeError(
      'ATTACH_AND_COMMAND',
      '--attach looks at a process that runs: give no command beside it',
    );
  logsToFollow(logs ?? []); // that none is there is told before anything is traced
  return processToAttach(pid);
}

/** Uses are seen of a process from its start on, and pages of files that are known. */
function requireAccountable({ account, command }: RecordOptions, files: TracedFiles | null): void {
  if (!account) return;
  if (!command)
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      '--account sees what a program uses from its start on: give the command after --',
    );
  if (!files)
    throw new BlkscopeError('BAD_ARGUMENT', '--account needs to know the files: name them by --file');
}

function nameOf(
  { command }: RecordOptions,
  attached: ProcessFacts | null,
  devices: readonly string[],
): string {
  return attached?.argv[0] ?? command?.[0] ?? devices.join('-');
}

function watchProcess(
  facts: ProcessFacts,
  { durationMs, signal, logs }: RecordOptions,
  steps: Steps,
  sampler: Sampler,
): Promise<WorkloadOutcome> {
  // Its logs are open before it is said that they are watched: who waits for that line has each request counted.
  const running = attach(facts, given({ durationMs, signal, logs: logs && logsToFollow(logs) }));
  sampler.watch(running.pid);
  return steps.step(`watch process ${facts.pid}`, () => running.done);
}

/** null: those that were known from the start are all. A server may have loaded more models meanwhile. */
function filesFound(
  options: RecordOptions,
  known: TracedFiles | null,
  opened: readonly OpenedFile[],
  devices: readonly string[],
  progress: Progress,
): TracedFiles | null {
  if (options.files?.length) return null;
  const found = locateFound(opened, devices, progress);
  const before = new Set(known?.paths.map(fileIdentity));
  const more = found?.paths.filter((path) => !before.has(fileIdentity(path))) ?? [];
  if (more.length === 0) return null;
  return known ? locateFiles([...known.paths, ...more]) : found;
}

function withFirst(devices: DeviceConfig[], name: string | undefined): DeviceConfig[] {
  return devices.toSorted((a, b) => Number(b.name === name) - Number(a.name === name));
}

async function checkTargets(
  options: RecordOptions,
  attached: ProcessFacts | null,
  progress: Progress,
): Promise<{ devices: string[]; files: TracedFiles | null }> {
  const asked = options.devices?.map(requireDevice) ?? [];
  const files = options.files?.length
    ? locateFiles(options.files)
    : attached
      ? await locateOfProcess(attached, asked, progress)
      : await locateArguments(options.command ?? [], asked, progress);
  requireAccountable(options, files);
  const devices = asked.length > 0 ? asked : [files?.disk ?? diskOfWork(options, attached, progress)];
  if (files && !devices.includes(files.disk)) {
    throw new BlkscopeError(
      'WRONG_DEVICE',
      `${files.paths[0]} lies on ${files.disk}, which is not among -d ${devices.join(' -d ')}`,
    );
  }
  requireRoot();
  recover(); // first of all: what a killed session left would be taken for this machine's own settings
  requireTracing(options);
  requireThread(options);
  // The files lie on the first device: the native core takes their extents for its sectors.
  return { devices: [...new Set(files ? [files.disk, ...devices] : devices)], files };
}

/** Of a command or process that names no large file: the disk of the folder that it runs in. */
function diskOfWork({ command }: RecordOptions, attached: ProcessFacts | null, progress: Progress): string {
  if (!command && !attached) {
    throw new BlkscopeError('NO_DEVICE', 'name what to trace: a device with -d, or a file on it with --file');
  }
  try {
    const { disk } = native.fileDevice(attached ? `/proc/${attached.pid}/cwd` : process.cwd());
    progress.step(
      attached
        ? `trace ${disk}, the disk of its working directory: process ${attached.pid} has no large file open; -d names another`
        : `trace ${disk}, the disk of the working directory: no device and no large file is named`,
    );
    return disk;
  } catch (error) {
    // It says what to do as well.
    throw new BlkscopeError('NO_DEVICE', `nothing is named to trace: ${(error as Error).message}`);
  }
}

/** What was not asked for by name must not fail the recording: null, told why. */
async function locateArguments(
  command: readonly string[],
  devices: readonly string[],
  progress: Progress,
): Promise<TracedFiles | null> {
  return locatePaths(argumentFiles(command), devices, progress);
}

function locatePaths(
  paths: readonly string[],
  devices: readonly string[],
  progress: Progress,
): TracedFiles | null {
  if (paths.length === 0) return null;
  try {
    const files = locateFiles(paths);
    if (devices.length === 0 || devices.includes(files.disk)) return files;
    progress.warn(
      `the coverage of ${paths.join(', ')} is not counted: on ${files.disk}, which is not traced`,
    );
    return null;
  } catch (error) {
    progress.warn(`the coverage of ${paths.join(', ')} is not counted: ${(error as Error).message}`);
    return null;
  }
}

/** What a process holds open or has mapped, else what its command line names: a model that was copied is held no more. */
async function locateOfProcess(
  facts: ProcessFacts,
  devices: readonly string[],
  progress: Progress,
): Promise<TracedFiles | null> {
  const found = locateFound(openedFiles(facts.pid), devices.length > 0 ? devices : null, progress);
  if (found) return found;
  const folder = facts.workingDirectory ?? '/';
  return locatePaths(argumentFiles(facts.argv, folder, pathHere(facts.pid)), devices, progress);
}

/** Without a command the recording lasts until its time is over or its signal aborts. */
function waitFor({ durationMs, signal }: RecordOptions): Promise<null> {
  return new Promise((resolve) => {
    // Nothing else keeps the process alive while the native threads trace: this timer does.
    const timer = durationMs === undefined ? setInterval(() => {}, 1 << 30) : setTimeout(done, durationMs);
    function done() {
      clearTimeout(timer);
      resolve(null);
    }
    onAbort(signal, done);
  });
}

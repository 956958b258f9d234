import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { shownTo } from '../capture/batch.js';
import { BlkscopeError } from '../errors.js';
import type { FinishedRun } from '../experiment/finish-run.js';
import type { CountedMemory } from '../figures/build-summary.js';
import { lossProblem } from '../figures/defects.js';
import { unknownOf } from '../figures/figure.js';
import { memoryFigures } from '../figures/figures.js';
import type { SubjectFigures } from '../figures/subjects.js';
import type { Summary } from '../figures/summary-schema.js';
import { locateFiles, type TracedFiles } from '../figures/traced-files.js';
import { deviceNumber } from '../machine/machine.js';
import { noProgress, type Progress } from '../machine/progress.js';
import type { Model } from '../model/gguf.js';
import { native } from '../native/binding.js';
import type { NativeDefect, NativeTracerInfo } from '../native/trace.js';
import { type ConfigStart, configStart, extentsConfig, type RunConfig } from '../run/config.js';
import { defaultRunPath, RunFolder, runFiles } from '../run/run-folder.js';
import { isoTime } from '../run/wall-clock.js';
import { Importer } from './importer.js';
import { unpackedTraces } from './packed-files.js';

export interface ImportOptions {
  /** blktrace's base names, files of records, or '-' for standard input; those of one session. */
  paths: string[];
  /** Files whose coverage is counted. They must lie where they lay when the trace was made. */
  files?: string[];
  /** Instead of files: a GGUF model, of a split one any part, whose tensors, layers, roles and experts are counted. */
  model?: string;
  /** Default true; false: the figures alone are written, without the events. */
  store?: boolean;
  /** The run folder. Default: runs/ and a name from the time and the trace. */
  output?: string;
  progress?: Progress;
  signal?: AbortSignal;
  commandLine?: readonly string[];
}

type BuildSummary = typeof import('../figures/build-summary.js').buildSummary;
type Figures = Awaited<ReturnType<Importer['summary']>>;

/**
 * Reads a saved trace into a run. What can be read is kept; what cannot is in the summary's integrity and in the
 * result's problem. Throws BlkscopeError: no such trace, nothing in it, files of another disk than the traced one, the
 * folder cannot be written.
 */
export async function importTrace(options: ImportOptions): Promise<FinishedRun> {
  const subject = await subjectOf(options);
  try {
    return await importAs(options, subject);
  } catch (error) {
    if (!(error instanceof OfPartition)) throw error;
    return await importAs(options, { ...subject, device: error.number });
  }
}

async function importAs(options: ImportOptions, subject: Subject): Promise<FinishedRun> {
  const progress = options.progress ?? noProgress;
  const folder = RunFolder.begin(options.output ?? defaultRunPath(traceName(options.paths)));
  try {
    const { files, models, device } = subject;
    for (const note of models.flatMap(({ notes }) => notes)) progress.warn(note);
    const unread: NativeDefect[] = []; // of packed files
    using importer = new Importer({
      traces: unpackedTraces(options.paths, unread),
      files: files?.extents ?? [],
      fileDevice: device,
      deliver: (options.store ?? true) || models.length > 0,
    });
    const stop = () => importer.stop();
    options.signal?.addEventListener('abort', stop, { once: true });
    progress.step(`import ${options.paths.join(' ')}`);
    const show = setInterval(() => progress.update(`${importer.events.toLocaleString('en-US')} events`), 500);
    try {
      // From here on the trace is read: what follows is made ready, and loaded, meanwhile.
      const { progress: _, signal: __, commandLine: ___, ...asked } = options;
      const start = configStart('import', options.commandLine, { ...asked });
      const { Run } = await import('../store/open-run.js');
      const { summary, figures } = await readAll(importer, options, subject, folder, start, unread);
      const whole: RunConfig = {
        ...start,
        ...traceOrigin(figures),
        importedAt: start.startedAt as string,
        devices: deviceNames(options.paths, figures).map((device) => ({
          ...device,
          sectors: null,
          queue: {},
        })),
        files: filesConfig(files),
        tracer: infoOf(figures),
        steps: [],
        openedFiles: [],
        marks: [],
      };
      folder.writeJson(runFiles.summary, summary);
      folder.writeJson(runFiles.config, whole);
      folder.publish();
      const interrupted = figures.defects.some(({ code }) => code === 'IMPORT_INTERRUPTED');
      const problem = interrupted ? options.signal?.reason : lossProblem(summary.integrity.defects);
      return { run: new Run(folder.target, summary, whole), problem };
    } finally {
      clearInterval(show);
      options.signal?.removeEventListener('abort', stop);
    }
  } catch (error) {
    folder.discard();
    throw options.signal?.aborted ? options.signal.reason : error;
  }
}

/** What of the trace is looked at closer. */
interface Subject {
  files: TracedFiles | null;
  /** The models that are whole among the files. */
  models: Model[];
  /** The kernel's number that the files' disk, or their partition, has in the trace; 0 without files. */
  device: number;
}

/** The trace is of the files' partition, not of their disk: what was read of them is known when it is read as such. */
class OfPartition extends Error {
  constructor(readonly number: number) {
    super('a trace of a partition');
  }
}

async function subjectOf({ files, model: path, progress }: ImportOptions): Promise<Subject> {
  if (path === undefined && !files?.length) return { files: null, models: [], device: 0 };
  // Loaded when asked for: the reader of models takes longer to load than most traces take.
  const { modelsOf, readModel } = await import('../model/gguf.js');
  const models =
    path === undefined
      ? await modelsOf(files ?? [], (each, error) =>
          progress?.warn(`the tensors of ${each} are not told apart: ${error.message}`),
        )
      : [await readModel(path)];
  const paths = path === undefined ? files : models.flatMap(({ parts }) => parts.map((part) => part.path));
  const located = paths?.length ? locateFiles(paths) : null;
  return { files: located, models, device: located ? deviceNumber(located.disk) : 0 };
}

async function readAll(
  importer: Importer,
  options: ImportOptions,
  subject: Subject,
  folder: RunFolder,
  config: ConfigStart,
  unread: readonly NativeDefect[],
): Promise<{ summary: Summary; figures: Figures }> {
  const { files, models, device } = subject;
  const { readByTracer, SubjectJoins, subjectsOf } = await import('../figures/subjects.js');
  const subjects = subjectsOf(files?.files ?? [], models);
  // A saved trace has no marks of a workload, and so no phases.
  const join = new SubjectJoins(subjects, files && device, [], null);
  const subjectFigures = (figures: Figures) =>
    join.results((each) => readByTracer(each, files?.files ?? [], figures));
  const { buildSummary } = await import('../figures/build-summary.js');
  const batches = join.any ? shownTo([join], importer) : importer;
  if (options.store === false) {
    if (join.any) for await (const _ of batches);
    const figures = await figuresOf(importer, options, unread);
    return {
      summary: summaryOf(options, subject, figures, subjectFigures(figures), buildSummary),
      figures,
    };
  }
  const { StoreWriter } = await import('../store/store.js');
  await using store = await StoreWriter.create(folder.file(runFiles.trace), {
    actions: native.actionNames,
    directions: native.directionNames,
  });
  await store.writeTrace(batches);
  const figures = await figuresOf(importer, options, unread);
  await store.writeProcesses(figures.processes);
  await store.writeDevices(deviceNames(options.paths, figures));
  await store.writeExtents(files?.files ?? []);
  for (const { model, files: parts } of subjects)
    if (model)
      await store.writeTensors(
        model,
        parts.map(({ path }) => path),
      );
  const summary = summaryOf(options, subject, figures, subjectFigures(figures), buildSummary);
  await store.writeFigures(summary);
  await store.finish(JSON.stringify(summary), { host: config.machine.host, ...traceOrigin(figures) });
  return { summary, figures };
}

/** With what the importer cannot know: what came of packed files, and that it was told to end. */
async function figuresOf(
  importer: Importer,
  { signal }: ImportOptions,
  unread: readonly NativeDefect[],
): Promise<Figures> {
  const figures = await importer.summary();
  const { eventsRead: events } = figures;
  const reason = signal?.aborted ? [(signal.reason as Error).message] : [];
  const cut = reason.map((reason) => ({ code: 'IMPORT_INTERRUPTED', values: { reason, events } }));
  return { ...figures, defects: [...figures.defects, ...unread, ...cut] };
}

/**
 * The wall clock at a moment of the trace, by the trace's own note: the first whole microsecond from the note on, since
 * the store's clock knows no less.
 */
function traceOrigin({ wallClock }: Figures): { startedAt: string | null; startedNs: number | null } {
  if (wallClock === null) return { startedAt: null, startedNs: null };
  const on = (1000n - (wallClock.ns % 1000n)) % 1000n;
  return { startedAt: isoTime(wallClock.ns + on), startedNs: Number(wallClock.atNs + on) };
}

function summaryOf(
  options: ImportOptions,
  { files, device }: Subject,
  figures: Figures,
  subjects: SubjectFigures[],
  buildSummary: BuildSummary,
): Summary {
  if (files) requireTraced(files, device, options.paths, figures);
  const { source, integrity, ...rest } = buildSummary({
    devices: deviceNames(options.paths, figures).map(({ name }) => name),
    info: infoOf(figures),
    traced: figures,
    subjects,
    memory: unknownMemory,
    workload: null,
    phases: [],
    bytesWrittenToDevice: 0,
    interrupted: null,
  });
  return {
    // A trace does not say on which kernel it was made, nor what the device itself counted.
    source: { ...source, kernel: 'unknown' },
    integrity: { ...integrity, readSectorsDiskstats: null, writeSectorsDiskstats: null },
    ...rest,
  } satisfies Summary;
}

/**
 * Without this, files of a disk that was not traced would seem never to be read. A trace of a partition bears its number
 * with every event, and yet sectors of the whole disk.
 */
function requireTraced(
  { disk, files, paths }: TracedFiles,
  device: number,
  traces: readonly string[],
  { devices }: Figures,
): void {
  if (devices.includes(device)) return;
  const partition = files.map((file) => partitionNumber(file.device)).find((n) => n && devices.includes(n));
  if (partition && !traces.includes('-')) throw new OfPartition(partition); // standard input cannot be read again
  const traced = Array.from(devices, numberText).join(', ');
  throw new BlkscopeError(
    'WRONG_DEVICE',
    `${paths[0]} lies on ${disk} (${numberText(device)}), the trace is of ${traced}: name files of the traced disk`,
  );
}

/** null: no partition, but a whole disk or a device mapper's. */
function partitionNumber(name: string): number | null {
  return existsSync(`/sys/class/block/${name}/partition`) ? deviceNumber(name) : null;
}

/** MAJOR:MINOR. */
function numberText(number: number): string {
  return `${number >>> 20}:${number & 0xfffff}`;
}

/** A saved trace tells nothing of the memory of its machine. */
const unknownMemory: CountedMemory = {
  ...unknownOf(memoryFigures),
  ...{ mode: 'none', cacheState: null, stream: null },
  ...{ lockedBytes: 0, pinnedBytes: 0 },
};

function infoOf({ protocol }: Figures): NativeTracerInfo {
  return {
    source: 'file',
    protocol,
    reason: 'a saved trace',
    cpus: 0,
    bufferBytes: 0,
    bufferCount: 0,
  };
}

/**
 * blktrace names its files after the device; a trace of one device bears that name here too. The numbers of others
 * may mean another device on this machine, so they stay numbers.
 */
function deviceNames(paths: readonly string[], { devices }: Figures): { number: number; name: string }[] {
  const base = devices.length === 1 && paths.length === 1 ? baseName(paths[0] as string) : null;
  return Array.from(devices, (number) => ({
    number,
    name: base ?? numberText(number),
  }));
}

function baseName(path: string): string | null {
  const isBase = existsSync(`${path}.blktrace.0`) || /\.blktrace\.\d+$/.test(path);
  return isBase ? basename(path).replace(/\.blktrace\.\d+$/, '') : null;
}

function traceName(paths: readonly string[]): string {
  const first = paths[0] === '-' ? 'stdin' : (paths[0] ?? '');
  return baseName(first) ?? first;
}

function filesConfig(files: TracedFiles | null): RunConfig['files'] {
  return (files?.files ?? []).map((file) => ({
    ...file,
    bytes: file.extents.bytes,
    extents: extentsConfig(file.extents),
  }));
}

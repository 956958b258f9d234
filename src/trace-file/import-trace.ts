import { existsSync } from 'node:fs';
import { numberText } from '../capture/names.js';
import { BlkscopeError } from '../errors.js';
import type { FinishedRun } from '../experiment/finish-run.js';
import type { CountedMemory } from '../figures/build-summary.js';
import { unknownOf } from '../figures/figure.js';
import { memoryFigures } from '../figures/figures.js';
import { deviceNumber } from '../machine/machine.js';
import { noProgress, type Progress } from '../machine/progress.js';
import { Steps } from '../machine/steps.js';
import { locateFiles, type TracedFiles } from '../machine/traced-files.js';
import type { Model } from '../model/gguf.js';
import type { NativeDefect } from '../native/trace.js';
import { onAbort } from '../process/on-abort.js';
import { configStart } from '../run/config.js';
import { defaultRunPath, RunFolder } from '../run/run-folder.js';
import { thousands } from '../thousands.js';
import { Importer } from './importer.js';
import { unpackedTraces } from './packed-files.js';
import { type ImportedFigures, SavedTrace } from './saved-trace.js';
import { traceName } from './trace-names.js';

/** What is imported, and where to. */
export interface ImportOptions {
  /** blktrace's base names, files of records, or '-' for standard input; those of one session. */
  paths: string[];
  /** Files whose coverage is counted. They must lie where they lay when the trace was made. */
  files?: string[];
  /** Instead of files: a GGUF model, of a split one any part, whose tensors, layers, roles and experts are counted. */
  model?: string;
  /** Default true; false: the figures alone are written, without the events. */
  store?: boolean;
  /**
   * Default false. True: a file or pipe of several CPUs is in order of time, as of one CPU alone or of `blkparse -d`. It is read as
   * it comes; else it is copied to $TMPDIR, where its CPUs are put apart.
   */
  inOrder?: boolean;
  /** The run folder. Default: runs/ and a name from the time and the trace. */
  output?: string;
  progress?: Progress;
  signal?: AbortSignal;
  commandLine?: readonly string[];
}

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
  const { files, models, device } = subject;
  const unread: NativeDefect[] = []; // of packed files
  using importer = new Importer({
    traces: unpackedTraces(options.paths, unread),
    files: files?.extents ?? [],
    fileDevice: device,
    deliver: (options.store ?? true) || models.length > 0,
    inOrder: options.inOrder ?? false,
  });
  // From here on the trace is read: all else is made ready, and loaded, meanwhile.
  using _ = untilEnded(importer, options.signal, progress);
  const folder = RunFolder.begin(options.output ?? defaultRunPath(traceName(options.paths)));
  try {
    for (const note of models.flatMap(({ notes }) => notes)) progress.warn(note);
    const { finishRun } = await import('../experiment/finish-run.js');
    if (importer.events === 0) options.signal?.throwIfAborted(); // there is nothing to be kept
    const trace = new SavedTrace(importer, options.paths, unread, (figures) => {
      if (files) requireTraced(files, device, options.paths, figures);
    });
    const { progress: __, signal: ___, commandLine: ____, ...asked } = options;
    const config = configStart('import', options.commandLine, { ...asked });
    return await finishRun({
      folder,
      steps: new Steps(progress),
      step: `import ${options.paths.join(' ')}`,
      trace,
      watched: null,
      files: files?.files ?? [],
      filesDevice: files && device,
      models,
      memory: unknownMemory,
      config,
      origin: () => ({ ...trace.origin, importedAt: config.startedAt as string }),
      bound: null,
      ...(options.store === undefined ? {} : { store: options.store }),
      interruption: () => (options.signal?.aborted ? (options.signal.reason as BlkscopeError) : null),
    });
  } catch (error) {
    folder.discard();
    throw options.signal?.aborted ? options.signal.reason : error;
  }
}

/** Shows how far the reading is, and ends it when `signal` aborts. */
function untilEnded(importer: Importer, signal: AbortSignal | undefined, progress: Progress): Disposable {
  const ending = onAbort(signal, () => importer.stop());
  const show = setInterval(() => progress.update(`${thousands(importer.events)} events`), 500);
  return {
    [Symbol.dispose]() {
      clearInterval(show);
      ending[Symbol.dispose]();
    },
  };
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
  // What is no file is told as that, and not as a damaged model.
  const named = path === undefined ? locateFiles(files ?? []) : null;
  // Loaded when asked for: the reader of models takes longer to load than most traces take.
  const { modelsOf, readModel } = await import('../model/gguf.js');
  const models =
    path === undefined
      ? await modelsOf(files ?? [], (each, error) =>
          progress?.warn(`the tensors of ${each} are not told apart: ${error.message}`),
        )
      : [await readModel(path)];
  const located = named ?? locateFiles(models.flatMap(({ parts }) => parts.map((part) => part.path)));
  return { files: located, models, device: deviceNumber(located.disk) };
}

/**
 * Without this, files of a disk that was not traced would seem never to be read. A trace of a partition bears its number
 * with every event, and yet sectors of the whole disk.
 */
function requireTraced(
  { disk, files, paths }: TracedFiles,
  device: number,
  traces: readonly string[],
  { deviceNumbers: devices }: ImportedFigures,
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

/** A saved trace tells nothing of the memory of its machine. */
const unknownMemory: CountedMemory = {
  ...unknownOf(memoryFigures),
  ...{ mode: 'none', cacheState: null, stream: null },
  ...{ lockedBytes: 0, pinnedBytes: 0 },
};

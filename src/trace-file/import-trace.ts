import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { type NativeTracerInfo, native } from '../native.js';
import { buildSummary } from '../run/build-summary.js';
import { type ConfigStart, configStart, extentsConfig, type RunConfig } from '../run/config.js';
import type { FinishedRun } from '../run/finish-run.js';
import { deviceNumber } from '../run/machine.js';
import { noProgress, type Progress } from '../run/progress.js';
import { defaultRunPath, RunFolder, runFiles } from '../run/run-folder.js';
import type { Summary } from '../run/summary-schema.js';
import { locateFiles, type TracedFiles } from '../run/traced-files.js';
import { Run } from '../store/open-run.js';
import { Importer } from './importer.js';

export interface ImportOptions {
  /** blktrace's base names, files of records, or '-' for standard input; those of one session. */
  paths: string[];
  /** Files whose coverage is counted. They must lie where they lay when the trace was made. */
  files?: string[];
  /** Default true; false: the figures alone are written, without the events. */
  store?: boolean;
  /** The run folder. Default: runs/ and a name from the time and the trace. */
  output?: string;
  progress?: Progress;
  signal?: AbortSignal;
  commandLine?: readonly string[];
}

type Figures = Awaited<ReturnType<Importer['summary']>>;

/**
 * Reads a saved trace into a run. What can be read is kept; what cannot is in the summary's integrity and in the
 * result's problem. Throws BlkscopeError: no such trace, nothing in it, the folder cannot be written.
 */
export async function importTrace(options: ImportOptions): Promise<FinishedRun> {
  const progress = options.progress ?? noProgress;
  const files = options.files?.length ? locateFiles(options.files) : null;
  const folder = RunFolder.begin(options.output ?? defaultRunPath(subjectOf(options.paths)));
  try {
    const { progress: _, signal: __, commandLine: ___, ...asked } = options;
    const config = configStart('import', options.commandLine, { ...asked });
    using importer = new Importer({
      paths: options.paths,
      files: files?.extents ?? [],
      fileDevice: files ? deviceNumber(files.disk) : 0,
      deliver: options.store ?? true,
    });
    const stop = () => importer[Symbol.dispose]();
    options.signal?.addEventListener('abort', stop, { once: true });
    progress.step(`import ${options.paths.join(' ')}`);
    const show = setInterval(() => progress.update(`${importer.events.toLocaleString('en-US')} events`), 500);
    try {
      const { summary, figures } = await readAll(importer, options, files, folder, config);
      const whole: RunConfig = {
        ...config,
        devices: deviceNames(options.paths, figures).map(({ name }) => ({ name, sectors: null, queue: {} })),
        files: filesConfig(files),
        tracer: infoOf(figures),
        steps: [],
        openedFiles: [],
        marks: [],
      };
      folder.writeJson(runFiles.summary, summary);
      folder.writeJson(runFiles.config, whole);
      folder.publish();
      return { run: new Run(folder.target, summary, whole), problem: problemOf(summary) };
    } finally {
      clearInterval(show);
      options.signal?.removeEventListener('abort', stop);
    }
  } catch (error) {
    folder.discard();
    throw options.signal?.aborted ? options.signal.reason : error;
  }
}

async function readAll(
  importer: Importer,
  options: ImportOptions,
  files: TracedFiles | null,
  folder: RunFolder,
  config: ConfigStart,
): Promise<{ summary: Summary; figures: Figures }> {
  if (options.store === false) {
    const figures = await importer.summary();
    return { summary: summaryOf(options, files, figures), figures };
  }
  const { StoreWriter } = await import('../store/store.js');
  await using store = await StoreWriter.create(folder.file(runFiles.trace), {
    actions: native.actionNames,
    directions: native.directionNames,
  });
  await store.writeTrace(importer);
  const figures = await importer.summary();
  await store.writeProcesses(figures.processes);
  await store.writeDevices(deviceNames(options.paths, figures));
  await store.writeExtents(files?.files ?? []);
  const summary = summaryOf(options, files, figures);
  await store.finish(JSON.stringify(summary), { ...config, host: config.machine.host });
  return { summary, figures };
}

function summaryOf(options: ImportOptions, files: TracedFiles | null, figures: Figures): Summary {
  const { source, integrity, ...rest } = buildSummary({
    devices: deviceNames(options.paths, figures).map(({ name }) => name),
    info: infoOf(figures),
    traced: figures,
    files: files?.files.map(({ path, extents }) => ({ path, extents: extents.sectors.length })) ?? [],
    memory: unknownMemory,
    workload: null,
    regions: null,
    heat: null,
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

const unknownMemory: Summary['memory'] = {
  lockedBytes: 0,
  limitBytes: null,
  pinnedBytes: 0,
  mode: 'none',
  readAheadKib: null,
  cacheBefore: null,
  cacheAfter: null,
  majorFaults: null,
  evictedPages: null,
  cacheState: null,
  totalBytes: null,
  availableBefore: null,
  modelCachedBefore: null,
  modelCachedAfter: null,
  limitPeakBytes: null,
  refaultedPages: null,
  reclaimedPages: null,
  swapInPages: null,
  swapOutPages: null,
  memoryStallNs: null,
  ioStallNs: null,
  samples: null,
  samplingNs: null,
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
    name: base ?? `${number >>> 20}:${number & 0xfffff}`,
  }));
}

function baseName(path: string): string | null {
  const isBase = existsSync(`${path}.blktrace.0`) || /\.blktrace\.\d+$/.test(path);
  return isBase ? basename(path).replace(/\.blktrace\.\d+$/, '') : null;
}

function subjectOf(paths: readonly string[]): string {
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

function problemOf({ integrity }: Summary): BlkscopeError | null {
  if (integrity.complete) return null;
  const why = integrity.defects.join('; ') || 'events were lost';
  return new BlkscopeError(
    'INCOMPLETE',
    `the trace is incomplete, its counts are lower bounds: ${why}`,
    'incomplete',
  );
}

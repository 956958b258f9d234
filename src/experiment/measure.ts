import { statSync } from 'node:fs';
import type { CaptureProgress } from '../capture/progress.js';
import { Tracer } from '../capture/tracer.js';
import type { Trace } from '../figures/trace.js';
import {
  bytesWrittenByUs,
  type DeviceConfig,
  deviceConfig,
  type MemoryState,
  memoryState,
} from '../machine/machine.js';
import type { Progress } from '../machine/progress.js';
import type { Steps } from '../machine/steps.js';
import type { CacheResidency } from '../memory/cache-state.js';
import { residencyOf } from '../memory/cache-state.js';
import { formatSize } from '../memory/size.js';
import type { Model } from '../model/gguf.js';
import { modelRegions } from '../model/regions.js';
import type { NativeDefect } from '../native/trace.js';
import { piecesOf, type WatchedPart } from '../sample/residency.js';
import { Sampler } from '../sample/sampler.js';
import { thousands } from '../thousands.js';
import type { WorkloadOutcome } from '../workload/engine.js';
import type { WatchedWorkload } from './finish-run.js';
import type { FoundTargets } from './trace-options.js';
import type { Watch } from './watch.js';

/** The machine's memory at a moment, and what of the traced files was in the page cache (null: no files). */
export interface Snapshot {
  memory: MemoryState;
  residency: CacheResidency | null;
}

/** What happened while the trace ran. The tracer still holds the events; the caller takes them and closes it. */
export interface Measurement {
  tracer: Tracer;
  /** The traced devices as they were when tracing began: one may be gone by the end. */
  devices: DeviceConfig[];
  outcome: WorkloadOutcome | null;
  before: Snapshot;
  after: Snapshot;
  bytesWritten: number;
  /** CPU time of a live view; 0 without one. */
  viewNs: number;
  /** What was watched meanwhile; stopped. */
  sampler: Sampler;
}

/** How often the progress line is renewed. */
const progressMs = 500;

/**
 * Traces while `work` goes on. Tracing is stopped by the steps' undo, so it ends in order with all else.
 *
 * `work` tells the sampler of its process, and must end soon after the abort that it was given a signal for: what was traced until then is a measurement too.
 */
export async function measure(
  steps: Steps,
  progress: Progress,
  options: FoundTargets,
  paths: readonly string[],
  work: (sampler: Sampler) => Promise<WorkloadOutcome | null>,
  {
    watch,
    model = null,
    madeSoFar = () => null,
  }: {
    watch?: Watch | undefined;
    model?: Model | null;
    /** How far the work is, for the progress line; null: not known. */
    madeSoFar?: () => string | null;
  } = {},
): Promise<Measurement> {
  const devices = options.devices.map(deviceConfig);
  const tracer = await steps.step('start tracing', () => Tracer.start(options));
  steps.onUndo('stop tracing', () => tracer.stop());
  void showProgress(tracer, progress, madeSoFar);
  try {
    const written = bytesWrittenByUs();
    const before = snapshot(paths);
    const sampler = new Sampler({ paths, parts: partsOf(paths, model) });
    watch?.begin({
      tracer,
      device: devices[0]?.number ?? 0,
      extents: options.files,
      model,
      samples: sampler.samples,
    });
    const outcome = await work(sampler).finally(() => {
      sampler.stop();
      watch?.end();
    });
    if (outcome?.logLeftOutBytes) progress.warn(logCut(outcome.logLeftOutBytes));
    if (outcome?.refusedReports) progress.warn(refusedReports(outcome.refusedReports));
    const after = snapshot(paths);
    const bytesWritten = bytesWrittenByUs() - written;
    const viewNs = watch?.tookNs ?? 0;
    return { tracer, devices, outcome, before, after, bytesWritten, sampler, viewNs };
  } catch (error) {
    await tracer[Symbol.asyncDispose]();
    throw error;
  }
}

/** The trace of a measurement, with what its tracer still holds. `around`: what the run around it knows to be wrong. */
export function liveTrace({ tracer, devices }: Measurement, around: readonly NativeDefect[] = []): Trace {
  const summary = async () => {
    const traced = await tracer.summary();
    return { ...traced, defects: [...traced.defects, ...around] };
  };
  const { info } = tracer;
  return { batches: tracer, summary, info, layered: info.layered, devices };
}

/** What was seen of the workload meanwhile. */
export function watched({ outcome, sampler, bytesWritten, viewNs }: Measurement): WatchedWorkload {
  const { samples, residency } = sampler;
  return { outcome, samples, residency, bytesWritten, viewNs };
}

/** The model's tensors and experts; of other files pieces of one size. */
function partsOf(paths: readonly string[], model: Model | null): WatchedPart[] {
  if (!model) return piecesOf(paths.map((path) => statSync(path).size));
  return modelRegions(model).map(({ part, offset, bytes }) => ({ file: part, offset, bytes }));
}

function logCut(bytes: number): string {
  return `workload.log is full: ${formatSize(bytes)} more that the workload printed were left out`;
}

function refusedReports({ count, first }: { count: number; first: string }): string {
  return `the workload reported what cannot be, ${count} times; its marks may be missing or wrong; the first was ${first}`;
}

function snapshot(paths: readonly string[]): Snapshot {
  return { memory: memoryState(), residency: paths.length === 0 ? null : residencyOf(paths) };
}

async function showProgress(
  tracer: Tracer,
  progress: Progress,
  madeSoFar: () => string | null,
): Promise<void> {
  for await (const figures of tracer.progress(progressMs))
    progress.update(progressLine(figures, madeSoFar()));
}

/** `token 12 of 100, 12,345 events/s, 48.2 MiB/s read, 0 lost, spool 1.2 MiB`. */
function progressLine(figures: CaptureProgress, made: string | null): string {
  const { eventsPerSecond, readBytesPerSecond, writeBytesPerSecond, dropped, spoolBytes } = figures;
  const parts = [
    ...(made === null ? [] : [made]),
    `${thousands(eventsPerSecond)} events/s`,
    `${formatSize(Math.round(readBytesPerSecond))}/s read`,
    ...(writeBytesPerSecond > 0 ? [`${formatSize(Math.round(writeBytesPerSecond))}/s written`] : []),
    `${thousands(dropped)} lost`,
    `spool ${formatSize(spoolBytes)}`,
  ];
  return parts.join(', ');
}

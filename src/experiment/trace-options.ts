import type { TracerOptions } from '../capture/tracer-options.js';
import type { NativeExtents } from '../native/trace.js';
import type { Watch } from './watch.js';

/** What a trace is asked for, by an experiment or a recording; the tracer's own options where it has them. */
export interface TraceOptions
  extends Pick<
    TracerOptions,
    | 'source'
    | 'actions'
    | 'bufferBytes'
    | 'bufferCount'
    | 'firstSector'
    | 'lastSector'
    | 'pid'
    | 'spoolBytes'
    | 'spoolDirectory'
    | 'spoolFileBytes'
    | 'onFull'
    | 'undoOnSignals'
  > {
  /** A tmpfs of this size is mounted for the spool, before memory is locked, and unmounted after. */
  spoolTmpfsBytes?: number;
  /** Looks on while the run is measured. */
  watch?: Watch;
}

/** A tracer's options with the devices and files found. */
export interface FoundTargets extends TracerOptions {
  devices: string[];
  files: NativeExtents[];
}

/** The tracer's options: those that were given, on these devices and files. */
export function tracerOptions(
  options: TraceOptions,
  devices: string[],
  files: NativeExtents[],
): FoundTargets {
  const { source, actions, bufferBytes, bufferCount, firstSector, lastSector, pid } = options;
  const { spoolBytes, spoolDirectory, spoolFileBytes, onFull, undoOnSignals } = options;
  const kernel = given({ source, actions, bufferBytes, bufferCount, firstSector, lastSector, pid });
  const ours = given({ spoolBytes, spoolDirectory, spoolFileBytes, onFull, undoOnSignals });
  return { devices, files, ...kernel, ...ours };
}

/** Leaves out what is undefined: an option that is not given is not there. */
export function given<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

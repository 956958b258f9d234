import type { TracerOptions } from '../capture/tracer.js';
import type { ActionChoice, NativeExtents, SourceKind } from '../native.js';

/** What a trace is asked for, by an experiment or a recording. */
export interface TraceOptions {
  source?: 'auto' | SourceKind;
  actions?: ActionChoice;
  /** Of a kernel sub-buffer, and how many of them a CPU gets; the defaults depend on the source. */
  bufferBytes?: number;
  bufferCount?: number;
  /** Default 256 MiB. */
  spoolBytes?: number;
}

/** The tracer's options: those that were given, on these devices and files. */
export function tracerOptions(
  options: TraceOptions,
  devices: string[],
  files: NativeExtents[],
): TracerOptions {
  const { source, actions, bufferBytes, bufferCount, spoolBytes } = options;
  return { devices, files, ...given({ source, actions, bufferBytes, bufferCount, spoolBytes }) };
}

/** Leaves out what is undefined: an option that is not given is not there. */
export function given<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

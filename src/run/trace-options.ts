import type { TracerOptions } from '../capture/tracer.js';
import type { ActionChoice, NativeExtents, OnFull, SourceKind } from '../native.js';

/** What a trace is asked for, by an experiment or a recording. */
export interface TraceOptions {
  source?: 'auto' | SourceKind;
  actions?: ActionChoice;
  /** Of a kernel sub-buffer, and how many of them a CPU gets; the defaults depend on the source. */
  bufferBytes?: number;
  bufferCount?: number;
  /** The kernel's filters; see TracerOptions. */
  firstSector?: bigint;
  lastSector?: bigint;
  pid?: number;
  /** Default 256 MiB. */
  spoolBytes?: number;
  /** Where the spool goes on in files, and the most it may take there (default 8 GiB). */
  spoolDirectory?: string;
  spoolFileBytes?: number;
  /** A tmpfs of this size is mounted for that, before memory is locked, and unmounted after. */
  spoolTmpfsBytes?: number;
  /** At the spool's limit: drop and count (default), or end the capture. */
  onFull?: OnFull;
}

/** The tracer's options: those that were given, on these devices and files. */
export function tracerOptions(
  options: TraceOptions,
  devices: string[],
  files: NativeExtents[],
): TracerOptions {
  const { source, actions, bufferBytes, bufferCount, firstSector, lastSector, pid } = options;
  const { spoolBytes, spoolDirectory, spoolFileBytes, onFull } = options;
  const kernel = given({ source, actions, bufferBytes, bufferCount, firstSector, lastSector, pid });
  return { devices, files, ...kernel, ...given({ spoolBytes, spoolDirectory, spoolFileBytes, onFull }) };
}

/** Leaves out what is undefined: an option that is not given is not there. */
export function given<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

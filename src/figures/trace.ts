import type { EventBatch } from '../capture/batch.js';
import type { DeviceConfig } from '../machine/machine.js';
import type { NativeSummary, NativeTracerInfo } from '../native/trace.js';

/** A trace on its way to figures and rows: what a live one and a saved one have in common once all of it can be read. */
export interface Trace {
  /** In order of time. Can be iterated once. */
  readonly batches: AsyncIterable<EventBatch>;
  /** The figures of the whole; what is left of the batches is read for them. */
  summary(): Promise<NativeSummary>;
  /** Where it comes from. A saved trace knows this, and its devices, once there is a summary. */
  readonly info: NativeTracerInfo;
  /** Devices that are known from the start to lie on others, by their numbers; remaps tell more. */
  readonly layered: Uint32Array;
  /** The one that the files lie on first. */
  readonly devices: readonly DeviceConfig[];
}

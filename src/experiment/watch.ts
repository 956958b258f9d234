import type { Tracer } from '../capture/tracer.js';
import type { Model } from '../model/gguf.js';
import type { NativeExtents } from '../native/trace.js';
import type { Sample } from '../sample/sample.js';
import type { Mark } from '../workload/engine.js';

/** Who looks on while a run is measured, such as a live view; it must not slow what is measured. */
export interface Watch {
  /** Tracing has begun. `device`: the kernel's number of the disk that the files' extents are on. */
  begin(run: {
    tracer: Tracer;
    device: number;
    extents: readonly NativeExtents[];
    model: Model | null;
    /** What the machine and the workload are seen to do. */
    samples: readonly Sample[];
  }): void;
  /** Of the workload, as it is seen. */
  mark(mark: Mark): void;
  /** The workload has ended. */
  end(): void;
  /** CPU time that looking on has taken, in ns. */
  readonly tookNs: number;
}

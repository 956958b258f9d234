import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeAccessMap, NativeAccessMapOptions } from './access.js';
import type { NativeChanges, UndoReport } from './changes.js';
import type { NativeMemory } from './memory.js';
import type { NativeRegions } from './regions.js';
import type { NativeTouchFigures } from './touches.js';
import type {
  NativeAnalysis,
  NativeAnalysisOptions,
  NativeBatch,
  NativeImporter,
  NativeImportOptions,
  NativeTracer,
  NativeTracerOptions,
} from './trace.js';

/** All that the addon offers. */
export interface NativeBinding extends NativeMemory, NativeRegions, NativeTouchFigures {
  Tracer: new (options: NativeTracerOptions, onReady: () => void) => NativeTracer;
  /**
   * Writes blktrace's files; events by time, columns as the store's. `finish` tells how many had no action in them.
   * `makeQueues`: numbers of the devices for which queue events are made at the time of issue.
   */
  BlktraceWriter: new (
    base: string,
    notes: {
      wallClockNs: bigint;
      atNs: bigint;
      pids: Uint32Array;
      names: string[];
      makeQueues: Uint32Array;
    },
  ) => {
    write(events: Omit<NativeBatch, 'bytes'> & { sectors: Uint32Array }): void;
    finish(): number;
  };
  Analysis: new (options: NativeAnalysisOptions) => NativeAnalysis;
  AccessMap: new (options: NativeAccessMapOptions) => NativeAccessMap;
  Importer: new (options: NativeImportOptions, onReady: () => void) => NativeImporter;
  Changes: new (journalDirectory: string) => NativeChanges;
  /** Undoes what dead sessions left in the journal directory; live sessions are left alone. */
  recover(journalDirectory: string): UndoReport;
  /** Names in the order of the enums' values; action letters are blkparse's. */
  actionNames: string[];
  actionLetters: string[];
  directionNames: string[];
  /** A pipe's ends, [reader, writer], for the caller to close. */
  openPipe(): [number, number];
  /** ns on CLOCK_MONOTONIC, the trace's clock. */
  monotonicNow(): bigint;
}

const load = createRequire(import.meta.url);
const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The addon: a prebuild from the package, else the local build. */
export const native = (load('node-gyp-build') as (root: string) => NativeBinding)(packageRoot);

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlkscopeError } from '../errors.js';
import type { NativeAccessMap, NativeAccessMapOptions } from './access.js';
import type { DeadSession, NativeChanges, NativeEndingSignals, UndoReport } from './changes.js';
import type { NativeFileRights } from './file-rights.js';
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
export interface NativeBinding extends NativeFileRights, NativeMemory, NativeRegions, NativeTouchFigures {
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
  EndingSignals: new (onSignal: () => void) => NativeEndingSignals;
  /** Changes nothing. */
  deadSessions(journalDirectory: string): DeadSession[];
  /** Undoes what dead sessions left in the journal directory; live sessions are left alone. */
  recover(journalDirectory: string): UndoReport;
  /** Names in the order of the enums' values; action letters are blkparse's. */
  actionNames: string[];
  actionLetters: string[];
  directionNames: string[];
  /**
   * A pipe's ends, [reader, writer], for the caller to close. `packets`: each write stays apart, as one read of up to a
   * page; such a pipe may be opened again by its name in /proc by any user who has it.
   */
  openPipe(packets?: boolean): [number, number];
  /** SIGHUP, SIGINT and SIGTERM, where they are handled, end the process after so many ms at the latest. */
  limitEndingSignals(ms: number): void;
  /** ns on CLOCK_MONOTONIC, the trace's clock. */
  monotonicNow(): bigint;
}

const require = createRequire(import.meta.url);
const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Makes the addon for this very machine; see docs/install.md. */
const rebuildCommand = `node ${join(packageRoot, 'scripts/rebuild.mjs')}`;

/**
 * The addon: the local build where there is one, else a prebuild of the package. It is loaded when something of it is first
 * asked for, so that what works without it does: reports, comparisons, queries.
 *
 * Throws BlkscopeError NO_NATIVE where it cannot be loaded, each time.
 */
export const native: NativeBinding = Object.create(
  new Proxy(Object.prototype, {
    get(_, key) {
      // Once loaded, all of it stands before this, and costs what any property does.
      Object.defineProperties(native, Object.getOwnPropertyDescriptors(loadNative()));
      return Object.hasOwn(native, key) ? native[key as keyof NativeBinding] : undefined;
    },
  }),
);

/** Why the addon cannot be loaded; null where it can. */
export function nativeFault(): BlkscopeError | null {
  try {
    void native.actionNames;
    return null;
  } catch (error) {
    if (error instanceof BlkscopeError) return error;
    throw error;
  }
}

type Finder = ((root: string) => NativeBinding) & { path(root: string): string };

/** What `run --touches` loads into llama.cpp; it lies beside the addon. Throws as node-gyp-build does where there is no addon. */
export function touchLibrary(): string {
  return (require('node-gyp-build') as Finder).path(packageRoot).replace(/\.node$/, '.touches.so');
}

function loadNative(): NativeBinding {
  try {
    return (require('node-gyp-build') as Finder)(packageRoot);
  } catch (error) {
    throw new BlkscopeError('NO_NATIVE', `${reasonOf(error as Error)}; ${wayOut()}`, 'unsupported', {
      cause: error,
    });
  }
}

function reasonOf({ message }: Error): string {
  if (process.platform !== 'linux') return `blkscope traces on Linux alone, and this is ${process.platform}`;
  const [line = ''] = message.split('\n');
  if (line.startsWith('No native build was found')) {
    return `there is no build of blkscope's native part for ${machine()}`;
  }
  return `blkscope's native part cannot be loaded (${line})`;
}

function machine(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const library = header.glibcVersionRuntime
    ? `glibc ${header.glibcVersionRuntime}`
    : 'another C library than glibc';
  return `${process.platform} ${process.arch} with ${library}`;
}

function wayOut(): string {
  const without = 'runs that exist can be reported, compared and queried';
  if (process.platform !== 'linux') return `${without} here`;
  return `install blkscope anew, or build it here with '${rebuildCommand}' (docs/install.md); ${without} all the same`;
}

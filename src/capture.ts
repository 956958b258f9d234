/** `blkscope/capture`: live block events as typed arrays, without what stores or reports them. */
export type { BlockEvent, EventBatch } from './capture/batch.js';
export { type Action, actionNames, type Direction, deviceName, directionNames } from './capture/names.js';
export type { CaptureProgress } from './capture/progress.js';
export { type TracedDevice, Tracer } from './capture/tracer.js';
export type { TracerOptions } from './capture/tracer-options.js';
export { type ErrorCode, errorCodes } from './error-codes.js';
export { BlkscopeError, type ExitKind, exitCodes } from './errors.js';
export type { SignalOptions } from './machine/put-back.js';
export { deadSessions, journalDirectory, recover } from './machine/recover.js';
export type { DeadSession, UndoReport } from './native/changes.js';
export type {
  ActionChoice,
  NaiveFigures,
  NativeBatch,
  NativeCounters,
  NativeDefect,
  NativeDevice,
  NativeDistribution,
  NativeExtents,
  NativeFigures,
  NativeFileReads,
  NativeGaps,
  NativeIoBatch,
  NativeLatency,
  NativeLoss,
  NativeReads,
  NativeSummary,
  NativeTracedBatch,
  NativeTracerInfo,
  NativeTransfer,
  OnFull,
  RingAccess,
  SourceKind,
} from './native/trace.js';
export type { ByteSize } from './options/sized.js';

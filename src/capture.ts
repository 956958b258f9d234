/** `blkscope/capture`: live block events as typed arrays, without what stores or reports them. */
export type { Action, BlockEvent, Direction, EventBatch } from './capture/batch.js';
export type { TracerProgress } from './capture/progress.js';
export { Tracer, type TracerOptions } from './capture/tracer.js';
export { BlkscopeError, type ExitKind, exitCodes } from './errors.js';
export { journalDirectory, recover } from './machine/recover.js';
export type { UndoReport } from './native/changes.js';
export type { ActionChoice, NativeSummary, OnFull, SourceKind } from './native/trace.js';

/** `blkscope/store`: runs that exist, their figures and their events in SQL; works where the native part does not load. */
export { type ErrorCode, errorCodes } from './error-codes.js';
export { BlkscopeError, type ExitKind, exitCodes } from './errors.js';
export type { Summary } from './figures/summary-schema.js';
export { openRun, type Run } from './store/open-run.js';
export { openRuns } from './store/open-runs.js';
export type { QueryOptions } from './store/query-options.js';
export type { RunSet } from './store/run-set.js';
export type {
  EventColumns,
  StoredEvent,
  StoredIo,
  StoredPhase,
  StoredTensor,
  StoredToken,
} from './store/stored-rows.js';

/** `blkscope/sectors`: exact unions of sector ranges, and nothing else of blkscope. */
export { type ErrorCode, errorCodes } from './error-codes.js';
export { BlkscopeError, type ExitKind, exitCodes } from './errors.js';
export { type SectorRange, SectorSet } from './sectors/sector-set.js';

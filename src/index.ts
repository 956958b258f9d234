/**
 * blkscope's public API. The command line is built on it alone; what must start at once takes its parts from where they
 * are, since all of it together takes longer to load than most commands run.
 */
export { type AdviseOptions, advise } from './advise/advise.js';
export type { Advice, Change, CurvePoint, Foreseen } from './advise/changes.js';
export { type Verified, type VerifyOptions, verify } from './advise/verify.js';
export type { Action, BlockEvent, Direction, EventBatch } from './capture/batch.js';
export type { TracerProgress } from './capture/progress.js';
export { journalDirectory, recover } from './capture/recover.js';
export { Tracer, type TracerOptions } from './capture/tracer.js';
export { diagnose, type Finding } from './doctor/diagnose.js';
export { BlkscopeError, type ExitKind, exitCodes } from './errors.js';
export { type ExportFormat, type ExportOptions, exportFormats, exportRun } from './export/export-run.js';
export type { ExpertUse } from './heat/expert-use.js';
export type { Heat, HeatRow } from './heat/heat.js';
export { heat } from './heat/run-heat.js';
export { copyContiguously } from './map/defragment.js';
export { type FileMap, mapFile } from './map/file-map.js';
export type { CacheState } from './memory/cache-state.js';
export { availableMemory, holdMemory, type LockedMemory } from './memory/locked-memory.js';
export type { PressureRequest } from './memory/pressure.js';
export { formatSize, parseSize } from './memory/size.js';
export { type Model, readModel } from './model/gguf.js';
export { modelRegions, type Region } from './model/regions.js';
export { type SynthesizeOptions, synthesizeModel } from './model/synthesize.js';
export type {
  ActionChoice,
  NativeSummary,
  OnFull,
  SourceKind,
  UndoReport,
} from './native.js';
export { type PinPlan, planPins } from './pin/pin-plan.js';
export { type PinnedModel, type PinOptions, pin, pinPlan } from './pin/pinned-model.js';
export { type StreamPiece, type StreamPlan, streamReadAheadKib } from './pin/stream-plan.js';
export { renderAdvice, renderVerified } from './report/advice.js';
export { type ComparedRun, renderComparison } from './report/compare.js';
export { type ComparedGroup, renderGroups } from './report/compare-groups.js';
export { renderMap } from './report/file-map.js';
export { renderNaive } from './report/naive.js';
export { renderRegions } from './report/regions-section.js';
export { renderReport } from './report/terminal.js';
export { type ExperimentOptions, runExperiment } from './run/experiment.js';
export type { FinishedRun } from './run/finish-run.js';
export { leftovers, removeLeftovers } from './run/partial.js';
export type { PinRequest } from './run/pin-model.js';
export type { Progress } from './run/progress.js';
export { type RecordOptions, record } from './run/record.js';
export { defaultRunPath } from './run/run-folder.js';
export { type Summary, summarySchema } from './run/summary-schema.js';
export { given } from './run/trace-options.js';
export { version } from './run/versions.js';
export { type SectorRange, SectorSet } from './sectors/sector-set.js';
export { openRun, type Run } from './store/open-run.js';
export { openRuns, type RunSet } from './store/run-set.js';
export type { EventColumns, StoredEvent, StoredIo, StoredTensor } from './store/stored-rows.js';
export { openGroups, plannedGroups } from './sweep/groups.js';
export { type PlannedOutcome, runPlanned } from './sweep/run-planned.js';
export { runSweep } from './sweep/run-sweep.js';
export { readSweep, type Sweep } from './sweep/sweep-file.js';
export { type PlannedRun, planRepeats, planSweep } from './sweep/sweep-plan.js';
export { type ImportOptions, importTrace } from './trace-file/import-trace.js';
export { runBeside } from './workload/beside.js';
export { commandEngine } from './workload/command.js';
export type { Mark, WorkloadOutcome } from './workload/engine.js';
export { findEngine } from './workload/find-engine.js';

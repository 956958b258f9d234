/**
 * blkscope's public API. What takes long to load is loaded by the function that needs it, when it is called.
 */

export type { AdviseOptions } from './advise/advise.js';
export type { Advice, Change, ChangedConditions, Foreseen, MemoryPoint } from './advise/changes.js';
export type { Verified, VerifyOptions } from './advise/verify.js';
export { advise, curve, routesCurve, verify } from './api/advice.js';
export { record, runExperiment, runPlanned, runSweep } from './api/experiments.js';
export { diagnose, findEngine, runBeside } from './api/machine.js';
export { holdMemory, pin, pinPlan } from './api/memory.js';
export { copyContiguously, synthesizeModel } from './api/models.js';
export { exportRun, importTrace } from './api/runs.js';
export { summarySchema } from './api/summary.js';
export * from './capture.js';
export type { CurveOptions } from './curve/curve.js';
export type { BlockReads, Curve, CurvePoint, ExpertReads } from './curve/curve-result.js';
export { readRoutes } from './curve/routes-file.js';
export type { ExpertTouches } from './curve/touch-columns.js';
export type { Finding } from './doctor/diagnose.js';
export type { FinishedRun } from './experiment/finish-run.js';
export type { AskedOfWorkload, ExperimentOptions } from './experiment/options.js';
export type { PinRequest } from './experiment/pin-model.js';
export type { RecordOptions } from './experiment/record.js';
export type { TraceOptions } from './experiment/trace-options.js';
export type { Watch } from './experiment/watch.js';
export type { ExportOptions } from './export/export-run.js';
export { type ExportFormat, exportFormats } from './export/formats.js';
export type { ExpertUse } from './figures/expert-use.js';
export type {
  Derived,
  DeviceFigures,
  DeviceTransfer,
  Figure,
  Reader,
  Timeline,
  Units,
  ValuesOf,
} from './figures/figure.js';
export type { Part } from './figures/figures.js';
export type { Heat, HeatRow } from './figures/heat.js';
export type { Touch } from './figures/touch.js';
export type { Caller } from './files/caller.js';
export { leftovers, removeLeftovers } from './files/partial.js';
export { heat } from './heat/run-heat.js';
export { type RunTouches, runTouches as touches } from './heat/run-touches.js';
export type { DeviceConfig, MachineConfig } from './machine/machine.js';
export type { Progress } from './machine/progress.js';
export type { ReclaimConfig } from './machine/reclaim.js';
export type { StepRecord } from './machine/steps.js';
export type { DefragmentOptions } from './map/defragment.js';
export { type FileMap, type MappedExtent, type MappedTensor, mapFile } from './map/file-map.js';
export type { CacheState } from './memory/cache-state.js';
export { availableMemory, LockedMemory } from './memory/locked-memory.js';
export type { PressureRequest } from './memory/pressure.js';
export { formatSize, parseSize } from './memory/size.js';
export type { HoldOptions } from './memory/until-held.js';
export type { ExpertUses } from './model/expert-uses.js';
export type { ModelPart, ModelTensor } from './model/gguf.js';
export { type Model, readModel } from './model/gguf.js';
export type { KeyValue } from './model/gguf-layout.js';
export { modelRegions, type Region } from './model/regions.js';
export type { RegionRole } from './model/roles.js';
export type { Router, SynthesizeOptions, SyntheticModel } from './model/synthesize.js';
export type { OtherPath, TensorUse } from './model/tensor-use.js';
export { tensorUses } from './model/uses.js';
export type { ByteRange, NativeStreamFigures } from './native/memory.js';
export type { GapClass, GapOrder, Stage } from './native/trace.js';
export { gapClasses, gapOrders, stages } from './native/trace.js';
export type { Sized } from './options/sized.js';
export { planPins } from './pin/pin-plan.js';
export { PinnedModel, type PinOptions } from './pin/pinned-model.js';
export type { PinPlan, StreamPiece, StreamPlan } from './pin/plan.js';
export { streamReadAheadKib } from './pin/stream-plan.js';
export type { LaunchOptions } from './process/launch.js';
export type { FileRange, OpenedFile } from './process/opened-files.js';
export { renderAdvice, renderVerified } from './report/advice.js';
export type { CompareOptions } from './report/compare.js';
export { type ComparedRun, renderComparison } from './report/compare.js';
export type { Group } from './report/compare-groups.js';
export { type ComparedGroup, renderGroups } from './report/compare-groups.js';
export { renderCurve } from './report/curve.js';
export type { MapReportOptions } from './report/file-map.js';
export { renderMap } from './report/file-map.js';
export { renderNaive } from './report/naive.js';
export { renderRegions } from './report/regions-section.js';
export type { Screen } from './report/screen.js';
export type { Style } from './report/style.js';
export type { ReportOptions } from './report/terminal.js';
export { renderReport } from './report/terminal.js';
export type { FileConfig, RunConfig } from './run/config.js';
export { defaultRunPath } from './run/run-folder.js';
export { version } from './run/versions.js';
export type { Sample } from './sample/sample.js';
export * from './sectors.js';
export { Run } from './store/open-run.js';
export * from './store.js';
export type { OpenedRun } from './sweep/groups.js';
export { openGroups, plannedGroups } from './sweep/groups.js';
export type { PlannedOptions, PlannedOutcome } from './sweep/run-planned.js';
export { readSweep, type Sweep } from './sweep/sweep-file.js';
export { type PlannedRun, planRepeats, planSweep } from './sweep/sweep-plan.js';
export type { ImportOptions } from './trace-file/import-trace.js';
export { commandEngine } from './workload/command.js';
export type {
  Engine,
  EngineName,
  Generation,
  Mark,
  OutputSink,
  Packing,
  RunningWorkload,
  WorkloadOptions,
  WorkloadOutcome,
  WorkloadTimings,
} from './workload/engine.js';
export type { Loading, LoadMode } from './workload/loading.js';
export type { ServedRequest } from './workload/open-requests.js';

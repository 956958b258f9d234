/**
 * What the functions of the API take, checked where a caller hands it in: an unknown key, another type or a value out of range is
 * refused before anything is done. Loaded with the first call. Each shape names every key of its type.
 */
import * as z from 'zod';
import type { AdviseOptions } from '../advise/advise.js';
import type { VerifyOptions } from '../advise/verify.js';
import type { CurveOptions } from '../curve/curve.js';
import type { ExperimentOptions } from '../experiment/options.js';
import type { PinRequest } from '../experiment/pin-model.js';
import type { RecordOptions } from '../experiment/record.js';
import type { TraceOptions } from '../experiment/trace-options.js';
import type { ExportOptions } from '../export/export-run.js';
import { exportFormats } from '../export/formats.js';
import type { DefragmentOptions } from '../map/defragment.js';
import type { HoldOptions } from '../memory/until-held.js';
import type { SynthesizeOptions } from '../model/synthesize.js';
import { type PresetName, presets, weightMixes } from '../model/synthetic-shape.js';
import {
  abortSignal,
  anyObject,
  callback,
  count,
  duration,
  environment,
  flag,
  name,
  names,
  natural,
  sector,
  size,
  someSize,
  text,
  texts,
} from '../options/fields.js';
import type { PinOptions } from '../pin/pinned-model.js';
import type { PlannedOptions } from '../sweep/run-planned.js';
import type { ImportOptions } from '../trace-file/import-trace.js';

type Shape<Options> = Record<keyof Options, z.ZodType>;

const strict = <Options>(shape: Shape<Options>) => z.strictObject(shape as z.ZodRawShape);

const progress = z.custom(
  (value) => ['step', 'update', 'warn'].every((key) => typeof Object(value)[key] === 'function'),
  'is no Progress: an object with the functions step, update and warn',
);

const around = {
  progress: progress.optional(),
  signal: abortSignal.optional(),
  commandLine: texts.optional(),
};

const trace: Shape<TraceOptions> = {
  source: z.enum(['auto', 'relay', 'ftrace']).optional(),
  actions: z.enum(['needed', 'all']).optional(),
  bufferBytes: size.optional(),
  bufferCount: natural.optional(),
  firstSector: sector.optional(),
  lastSector: sector.optional(),
  pid: count.max(2 ** 32 - 1).optional(),
  spoolBytes: someSize.optional(),
  spoolDirectory: text.optional(),
  spoolFileBytes: size.optional(),
  spoolTmpfsBytes: someSize.optional(),
  onFull: z.enum(['drop', 'stop']).optional(),
  undoOnSignals: flag.optional(),
  watch: anyObject.optional(),
};

const outputSink = z.union([z.enum(['log', 'none']), callback], {
  error: "is no place for output; write 'log' or 'none', or give a function",
});

const modelPart = z.looseObject({ path: name, bytes: natural });

const workload = strict<NonNullable<ExperimentOptions['workload']>>({
  modelParts: z.array(modelPart).optional(),
  prompt: text.optional(),
  promptTokens: count.optional(),
  tokens: natural.optional(),
  threads: count.optional(),
  context: natural.optional(),
  batch: count.optional(),
  seed: natural.optional(),
  temperature: z.number().nonnegative().optional(),
  extraArgs: texts.optional(),
  env: environment.optional(),
  output: outputSink.optional(),
  timeLimitMs: duration.optional(),
  mmap: flag.optional(),
  mlock: flag.optional(),
  repack: flag.optional(),
});

const pressure = z.discriminatedUnion(
  'mode',
  [
    z.strictObject({ mode: z.literal('none') }),
    z.strictObject({ mode: z.enum(['lock', 'leave', 'limit']), bytes: someSize }),
  ],
  { error: "is not a pressure; write { mode: 'none' } or { mode: 'lock', 'leave' or 'limit', bytes: '4G' }" },
);

const pinRequest = strict<PinRequest>({
  bytes: z.union([z.literal('auto'), someSize]),
  plan: name.optional(),
  order: z.enum(['use', 'file']).optional(),
  stream: flag.optional(),
});

export const experiment = strict<ExperimentOptions>({
  ...trace,
  ...around,
  model: name,
  llama: name.optional(),
  workload: workload.optional(),
  pressure: pressure.optional(),
  pin: pinRequest.optional(),
  cache: z.enum(['cold', 'warm', 'asIs']).optional(),
  dropCaches: flag.optional(),
  readAheadKib: natural.optional(),
  profileTouches: flag.optional(),
  touches: flag.optional(),
  account: flag.optional(),
  mount: flag.optional(),
  output: name.optional(),
});

export const recording = strict<RecordOptions>({
  ...trace,
  ...around,
  devices: names.optional(),
  files: names.optional(),
  command: names.min(1).optional(),
  attach: count.optional(),
  logs: names.optional(),
  commandOutput: outputSink.optional(),
  account: flag.optional(),
  env: environment.optional(),
  durationMs: duration.optional(),
  mount: flag.optional(),
  output: name.optional(),
});

export const importing = strict<ImportOptions>({
  ...around,
  paths: names.min(1),
  files: names.optional(),
  model: name.optional(),
  store: flag.optional(),
  inOrder: flag.optional(),
  output: name.optional(),
});

export const exporting = strict<ExportOptions>({
  format: z.enum(exportFormats),
  output: name,
  table: name.optional(),
  makeQueues: flag.optional(),
});

export const holding = strict<HoldOptions>({
  onProgress: callback.optional(),
  signal: abortSignal.optional(),
});

export const memorySize = someSize;

export const pinning = strict<PinOptions>({
  onProgress: callback.optional(),
  signal: abortSignal.optional(),
  budgetBytes: someSize.optional(),
  plan: name.optional(),
  order: z.enum(['use', 'file']).optional(),
  stream: flag.optional(),
  cgroupProcsFile: name.optional(),
});

export const synthesizing = strict<SynthesizeOptions>({
  preset: z.enum(Object.keys(presets) as [PresetName, ...PresetName[]]).optional(),
  weights: z.enum(weightMixes).optional(),
  layers: count.optional(),
  bytes: someSize.optional(),
  router: z
    .union([z.literal('uniform'), z.strictObject({ zipf: z.number().nonnegative() })], {
      error: "is no router; write 'uniform' or { zipf: 1.1 }",
    })
    .optional(),
  seed: natural.optional(),
  onProgress: callback.optional(),
  signal: abortSignal.optional(),
});

export const copying = strict<DefragmentOptions>({
  onProgress: callback.optional(),
  signal: abortSignal.optional(),
});

export const curving = strict<CurveOptions>({
  memory: z.array(someSize).optional(),
  readAheadKib: natural.optional(),
});

export const advising = strict<AdviseOptions>({ touches: anyObject.optional() });

export const verifying = strict<VerifyOptions>({
  ...around,
  best: count.optional(),
  mount: flag.optional(),
  touches: anyObject.optional(),
});

export const planned = strict<PlannedOptions>({ ...around, mount: flag.optional() });

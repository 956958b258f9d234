import { BlkscopeError } from '../errors.js';
import { recover } from '../machine/recover.js';
import { locateFiles, type TracedFiles } from '../machine/traced-files.js';
import { availableMemory } from '../memory/locked-memory.js';
import { type PressureRequest, requirePressure } from '../memory/pressure.js';
import { requireReadAhead } from '../memory/readahead.js';
import { type Model, modelsOf, readModel } from '../model/gguf.js';
import { checkPinFits } from '../pin/automatic-size.js';
import { pinPlan } from '../pin/pinned-model.js';
import { fileIdentity } from '../process/file-identity.js';
import type { Engine } from '../workload/engine.js';
import { findEngine } from '../workload/find-engine.js';
import { notByItself } from '../workload/main-model.js';
import { argumentFiles } from './argument-files.js';
import type { ResolvedOptions } from './options.js';
import { askedOfPin, type PinRequest } from './pin-model.js';
import { requireRoot, requireThread, requireTracing } from './requirements.js';
import { requireWatchable } from './watch-touches.js';

/** What is run, and where its files lie. */
export interface RunSubject {
  model: Model;
  /** What the program is given besides: a draft model, a projector, adapters. */
  others: Model[];
  files: TracedFiles;
  engine: Engine;
}

/** Everything that can be refused is refused here, before the machine is touched. Throws BlkscopeError. */
export async function checkSubject(options: ResolvedOptions): Promise<RunSubject> {
  const model = await readModel(options.model);
  const refused = notByItself(model);
  if (refused !== null)
    throw new BlkscopeError(model.format === 'safetensors' ? 'NOT_GGUF' : 'BAD_ARGUMENT', refused);
  const files = locateFiles(model.parts.map(({ path }) => path));
  const beside = await modelsBeside(options, files);
  requireRoot();
  recover(); // first of all: what a killed session left would be taken for this machine's own settings
  requireTracing(options);
  requireThread(options);
  requirePressure(options.pressure, availableMemory());
  if (options.readAheadKib !== undefined) requireReadAhead(options.readAheadKib);
  const engine = await findEngine(options.llama);
  const workload = { ...options.workload, model: model.path, log: '' };
  if (options.touches) requireWatchable(engine, workload);
  if (options.pin?.stream && engine.drafts?.(workload)) {
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      '--stream reads the weights once for each token, but with speculative decoding a token is not one walk over them; leave out one of the two',
    );
  }
  if (options.pin) await requirePin(model, options.pin, options.pressure);
  return { model, ...beside, engine };
}

/** What cannot be planned, or leaves the workload no memory, is told before anything is done. */
async function requirePin(model: Model, pin: PinRequest, pressure: PressureRequest): Promise<void> {
  await pinPlan(model, askedOfPin(pin));
  if (pin.bytes !== 'auto' && pressure.mode === 'limit')
    checkPinFits(Math.min(pin.bytes, model.bytes), pressure.bytes, pin.stream ?? false);
}

/** The models among the program's own arguments that lie on the same disk, and where all files lie. */
async function modelsBeside(
  { workload, progress }: ResolvedOptions,
  files: TracedFiles,
): Promise<Pick<RunSubject, 'others' | 'files'>> {
  const leftOut = (path: string, error: Error) =>
    progress.warn(`the reads of ${path} are not counted: ${error.message}`);
  const named = argumentFiles(['', ...workload.extraArgs]);
  const known = new Set(files.paths.map(fileIdentity));
  const models = await modelsOf(
    named.filter((path) => !known.has(fileIdentity(path))),
    leftOut,
  );
  const others: Model[] = [];
  let all = files;
  for (const model of models) {
    try {
      all = locateFiles([...all.paths, ...model.parts.map(({ path }) => path)]);
      others.push(model);
    } catch (error) {
      leftOut(model.path, error as Error);
    }
  }
  return { others, files: all };
}

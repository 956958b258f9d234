import type { EventBatch } from '../capture/batch.js';
import type { TracedFile } from '../machine/traced-files.js';
import type { Model } from '../model/gguf.js';
import { modelRegions, type Region } from '../model/regions.js';
import type { TensorUse } from '../model/tensor-use.js';
import { tensorUses, whollyUsed } from '../model/uses.js';
import type { NativeExtents, NativeFigures } from '../native/trace.js';
import { fileIdentity } from '../process/file-identity.js';
import type { Generation, Mark, WorkloadOutcome } from '../workload/engine.js';
import { type Heat, heatOf } from './heat.js';
import { RegionJoin, type RegionResults } from './region-figures.js';
import { bytesByPlace, mainPlace, mappedOf, type WeightsPlace, weightPlaces } from './region-weights.js';
import type { UsedByTokens } from './seen-touches.js';
import type { StoredTouch, Touch } from './touch.js';

/**
 * Files of a run that have figures of their own: a model, with its parts in their order, or all files that are no model. A
 * run has several where it uses a draft model, a projector or adapters beside its model; the first is the largest.
 */
export interface Subject {
  model: Model | null;
  files: readonly TracedFile[];
}

/** What was read of a subject's files. */
export type FilesRead = NativeFigures['allFiles'];

/** A subject and what the trace tells of it. */
export interface SubjectFigures {
  files: readonly { path: string; extents: number }[];
  read: FilesRead;
  /** By region; null without a model. */
  regions: RegionResults | null;
  heat: Heat | null;
  /** What a token uses of each tensor, by name; null without a model. */
  uses: ReadonlyMap<string, TensorUse> | null;
  /** Where the workload kept each tensor; null where it cannot be told. */
  weights: {
    places: ReadonlyMap<string, WeightsPlace>;
    bytes: Record<WeightsPlace, number>;
    main: 'mapped' | 'copied';
  } | null;
}

/** Which of the files belong to which model; `models` are whole among the files, that of the run first. At least one. */
export function subjectsOf(files: readonly TracedFile[], models: readonly Model[]): Subject[] {
  const known = new Map(files.map((file) => [fileIdentity(file.path), file]));
  const ofModels = models.map((model) => ({
    model,
    files: model.parts.flatMap(({ path }) => known.get(fileIdentity(path)) ?? []),
  }));
  const taken = new Set(ofModels.flatMap((subject) => subject.files));
  const others = files.filter((file) => !taken.has(file));
  return others.length === 0 && ofModels.length > 0
    ? ofModels
    : [...ofModels, { model: null, files: others }];
}

/** Where the files of subjects lie. */
export function extentsOf(subjects: readonly Subject[]): NativeExtents[] {
  return subjects.flatMap(({ files }) => files.map(({ extents }) => extents));
}

/** Joins a trace with the regions of each subject. */
export class SubjectJoins {
  readonly #joins: { subject: Subject; join: RegionJoin | null }[];

  /** `subjects` lie on the disk with the kernel's number `device`; null: nothing was traced. */
  constructor(
    subjects: readonly Subject[],
    device: number | null,
    marks: readonly Mark[],
    said: Generation | null,
  ) {
    this.#joins = subjects.map((subject) => {
      const { model, files } = subject;
      if (device === null || !model) return { subject, join: null };
      const extents = files.map((file) => file.extents);
      return {
        subject,
        join: new RegionJoin(extents, device, modelRegions(model), marks, said),
      };
    });
  }

  /** false: batches need not be shown to it. */
  get any(): boolean {
    return this.#joins.some(({ join }) => join !== null);
  }

  consume(batch: EventBatch): void {
    for (const { join } of this.#joins) join?.consume(batch);
  }

  /** Once, after the last batch. `read`: what was read of each subject's files. */
  results(read: readonly FilesRead[], outcome: WorkloadOutcome | null = null): SubjectFigures[] {
    const weights = weightsOf(
      this.#joins.map(({ subject }) => subject),
      outcome,
    );
    return this.#joins.map(({ subject, join }, index) => {
      const { model, files } = subject;
      const regions = join?.results() ?? null;
      return {
        files: files.map(({ path, extents }) => ({ path, extents: extents.sectors.length })),
        read: read[index] as FilesRead,
        regions,
        heat: regions && model ? heatOfModel(regions, model) : null,
        uses: model && tensorUses(model),
        weights: (model && weights.get(model)) ?? null,
      };
    });
  }
}

/** Of each model of which it can be told. */
function weightsOf(
  subjects: readonly Subject[],
  outcome: WorkloadOutcome | null,
): Map<Model, NonNullable<SubjectFigures['weights']>> {
  if (outcome?.loadedAnonBytes == null) return new Map();
  const models = subjects.flatMap(({ model, files }) =>
    model ? [{ model, mapped: mappedOf(outcome, files) }] : [],
  );
  const places = weightPlaces(models, outcome.loadedAnonBytes);
  return new Map(
    models.flatMap(({ model }, i) => {
      const found = places[i];
      if (!found) return [];
      return [
        [model, { places: found, bytes: bytesByPlace(model.tensors, found), main: mainPlace(model, found) }],
      ];
    }),
  );
}

function heatOfModel({ marks, marksTold, touches }: RegionResults, model: Model): Heat | null {
  if (marks === 0) return null;
  const byToken = { [Symbol.iterator]: () => ofTokens(touches) };
  return heatOf(modelRegions(model), byToken, marksTold ?? marks, whollyUsed(model));
}

function* ofTokens(touches: RegionResults['touches']): Generator<Touch> {
  for (const { token, region, bytes } of touches) if (token !== null) yield { token, region, bytes };
}

/** Touches as the store keeps them: by file and offset, their token by its number among all tokens. `first`: of the generation. */
export function* touchesOf(
  subject: Subject,
  { regions }: SubjectFigures,
  first: number,
): Generator<StoredTouch> {
  const placed = placing(subject, first);
  if (placed) for (const touch of regions?.touches ?? []) yield placed({ ...touch, source: 'trace' });
}

/** The same of what tokens and the prompt used. */
export function* usesOf(
  subject: Subject,
  { touches, prompt }: UsedByTokens,
  first: number,
): Generator<StoredTouch> {
  const placed = placing(subject, first);
  if (!placed) return;
  const source = 'faults';
  for (const touch of prompt) yield placed({ ...touch, source, phase: 'prompt', token: null });
  for (const touch of touches) yield placed({ ...touch, source, phase: 'generation' });
}

type Unplaced = Omit<StoredTouch, 'file' | 'fileOffset'> & { region: number };

/** null without a model. */
function placing({ model, files }: Subject, first: number): ((touch: Unplaced) => StoredTouch) | null {
  if (!model) return null;
  const places = modelRegions(model);
  return ({ source, phase, token, region, bytes }) => {
    const { part, offset } = places[region] as Region;
    const file = files[part]?.path as string;
    return { source, phase, token: token === null ? null : token + first, file, fileOffset: offset, bytes };
  };
}

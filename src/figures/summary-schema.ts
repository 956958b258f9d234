import * as z from 'zod';
import { groupKinds } from '../model/region-groups.js';
import { useKinds } from '../model/uses.js';
import { joined } from './figure.js';
import { shapeOf } from './figure-schema.js';
import {
  accessCounts,
  accessFigures,
  accountFigures,
  boundFigures,
  contentionFigures,
  derivedMemoryFigures,
  fateFigures,
  integrityFigures,
  memoryFigures,
  partFigures,
  phaseFigures,
  regionFigures,
  requestFigures,
  streamFigures,
  touchFigures,
  tracerFigures,
  workloadFigures,
} from './figures.js';
import { phaseNames } from './phases.js';
import { summarySchemaVersion } from './summary-version.js';

// summary.json, schema 2. Plain numbers; bytes unless the name says otherwise, times in ns; null where not known.
// The figures are declared in figures.ts; here stands what holds them, and what is no figure.

const count = z.number().int().nonnegative();
const share = z.number();

/** A tensor, layer, role or expert. */
const region = z.object({
  name: z.string(),
  /** Of tensors: where they belong; metadata and padding are named as their role. */
  layer: count.nullable().optional(),
  role: z.string().nullable().optional(),
  expert: count.nullable().optional(),
  /** Of tensors: what a token uses of them, see src/model/uses.ts; null for metadata and padding. */
  use: z.enum(useKinds).nullable().optional(),
  /** Of tensors: where the workload kept them; null where it cannot be told. */
  weights: z.enum(['mapped', 'copied', 'both']).nullable().optional(),
  ...shapeOf(regionFigures),
});

/** Every row once, in the file's order; tensors, layers and roles each add up to the model's figures. */
const regions = z.array(region).nullable();

/** Over the tokens generated; src/figures/heat.ts says what each figure means. */
const heat = z.object({
  tokens: count,
  regionBytes: z.object({ every: count, some: count, never: count }),
  expertUse: z
    .object({
      count,
      hottest: z.array(z.object({ k: count, share })),
      repeatedShare: share.nullable(),
    })
    .nullable(),
  seenShare: share.nullable(),
});

const { model: _, ...told } = shapeOf(partFigures);
/** How the files were read; null where only all reads of the disk are told apart by it. */
const access = z.object(shapeOf(joined(accessCounts, accessFigures)));

const files = { ...shapeOf(partFigures.model), access: access.nullable() };

/**
 * A part of the workload's life by its own marks, with the keys of the whole. What was in flight at its start or end
 * counts where it completed, but its latency, which no phase has whole, in none.
 */
const phase = z.object({
  ...told,
  /** Null when no files were named. */
  model: z.object(files).nullable(),
  ...shapeOf(phaseFigures),
});

const perKey = <Key extends string, Value extends z.ZodType>(keys: readonly Key[], value: Value) =>
  z.object(Object.fromEntries(keys.map((key) => [key, value])) as Record<Key, Value>);

const fates = z.object(shapeOf(fateFigures));
const fatesByName = z.array(z.object({ name: z.string(), ...shapeOf(fateFigures) })).nullable();

const model = z.object({
  files: z.array(z.string()),
  extents: count,
  ...files,
  ...perKey(groupKinds, regions).shape,
  /** Tensors, or experts' slices of them, of which not a byte was read. */
  neverRead: z.array(z.object({ name: z.string(), bytes: count })).nullable(),
  /** Sizes of the tensors by what a token uses of them. */
  uses: perKey(useKinds, count).nullable(),
  heat: heat.nullable(),
  /** Of a model beside the run's own, whose word is the workload's: where most of what tokens use was. */
  weights: z.enum(['mapped', 'copied']).nullable().optional(),
});

export const summarySchema = z.object({
  schema: z.literal(summarySchemaVersion),
  source: z.object({
    kind: z.enum(['relay', 'ftrace', 'file']),
    protocol: z.union([z.literal(1), z.literal(2)]),
    /** Kernel names, separated by commas when several devices were traced. */
    device: z.string(),
    kernel: z.string(),
    /** Events by action letter. */
    actions: z.record(z.string(), count),
  }),
  integrity: z.object({
    /** False: something that is known contradicts the figures. Null: the trace does not tell whether events were lost. */
    complete: z.boolean().nullable(),
    ...shapeOf(integrityFigures),
    /** Why the run is not complete; its causes are in figures/defects.ts. */
    defects: z.array(
      z.object({
        code: z.string(),
        message: z.string(),
        mend: z.string().nullable(),
        /** Events are missing, so that counts are lower bounds. */
        lowerBounds: z.boolean(),
      }),
    ),
    /** What is known besides and contradicts nothing; its lines are in figures/defects.ts, too. */
    remarks: z
      .array(z.object({ code: z.string(), message: z.string(), mend: z.string().nullable() }))
      .default([]),
    /** Where in time events are missing, on the clock of timeline.startNs; cpu null: the kernel does not tell. */
    losses: z.array(
      z.object({
        fromNs: count,
        toNs: count,
        count,
        cpu: count.nullable(),
        by: z.enum(['kernel', 'spool']),
      }),
    ),
  }),
  ...told,
  model: model.nullable(),
  /** Other models and files that the run used, each by itself: a draft, a projector, adapters. */
  otherModels: z.array(model).optional(),
  /** Where there are others: bytes read that lie in any of the models and files, what these share once. */
  modelsReadBytes: count.optional(),
  phases: perKey(phaseNames, phase.nullable()).nullable(),
  memory: z.object({
    mode: z.enum(['none', 'lock', 'leave', 'limit']),
    cacheState: z.enum(['cold', 'warm', 'asIs']).nullable(),
    ...shapeOf(joined(memoryFigures, derivedMemoryFigures)),
    stream: z.object(shapeOf(streamFigures)).nullable(),
  }),
  workload: z
    .object({
      engine: z.string(),
      argv: z.array(z.string()),
      /** null when a signal ended it. */
      exitCode: count.nullable(),
      signal: z.string().nullable(),
      /** Whether it was asked to draft tokens ahead: then a walk over the weights may give several. */
      speculative: z.boolean().optional(),
      /** Of all tokens, the first included; null: one for each token, or not told. */
      walks: count.nullable().optional(),
      bytesPerWalk: share.nullable().optional(),
      /** Of most of what tokens use: whether the weights stayed file mappings or were copied into anonymous memory. */
      weights: z.enum(['mapped', 'copied']).nullable(),
      /** Sizes of the tensors by where they were: mapped, copied, or mapped with a copy that is used. */
      weightsBytes: z.object({ mapped: count, copied: count, both: count }).optional(),
      /** Where the program says that it put its weights: bytes by the name of llama.cpp's buffer. */
      buffers: z.record(z.string(), count).optional(),
      /** How it loads its model, as far as its options say. */
      loading: z
        .object({
          mode: z.enum(['auto', 'none', 'mmap', 'mlock', 'mmap+mlock', 'dio']),
          lazy: z.enum(['on', 'auto', 'off']).nullable(),
          gpuLayers: z.string().nullable(),
          cpuMoe: z.string().nullable(),
        })
        .nullable(),
      /** A process that ran already: it is not ended with the trace. `logs`: files that it writes, read for its requests. */
      attached: z.object({ pid: count, ended: z.boolean(), logs: z.array(z.string()) }).optional(),
      /** Of a server. `told` has the first ones; all are in the store. */
      requests: z
        .object({
          count,
          open: count,
          told: z.array(z.object({ id: z.string(), ...shapeOf(requestFigures) })),
        })
        .optional(),
      ...shapeOf(workloadFigures),
    })
    .nullable(),
  /** Of a live run: what others did on the machine meanwhile. */
  contention: z.object({ cpus: count, ...shapeOf(contentionFigures) }).nullable(),
  bound: z
    .object({
      /** From a run with everything cached, the same on a busy machine alone, or told from the time of runs that read. */
      computeFrom: z.enum(['warm', 'busy', 'run']),
      ...shapeOf(boundFigures),
    })
    .nullable(),
  /** Of a run with --touches. */
  touches: z
    .object({
      ...shapeOf(touchFigures),
      /** Tensors of which tokens used something else than names and keys tell; figures then go by what was seen. */
      differences: z.array(
        z.object({ tensor: z.string(), use: z.string(), bytes: count, usedBytesPerToken: share }),
      ),
    })
    .nullable()
    .optional(),
  /** Of a run with --account; of the run's own model. */
  account: z
    .object({
      ...shapeOf(accountFigures),
      /** By the phase in which it was read; `after`: between phases, and after them. null: the workload tells of none. */
      phases: perKey([...phaseNames, 'after'], fates.nullable()).nullable(),
      ...perKey(groupKinds, fatesByName).shape,
    })
    .nullable()
    .optional(),
  tracer: z.object(shapeOf(tracerFigures)),
});

/**
 * The figures of a run: what its summary.json holds. Bytes, sectors of 512 bytes, and ns, as the names say; null is what is not
 * known. docs/metrics.md lists every figure, with the point in an I/O's life at which it is taken.
 *
 * @example
 * const { reads, integrity } = run.summary;
 * console.log(reads.bytes, reads.uniqueBytes, integrity.complete);
 */
export interface Summary extends z.infer<typeof summarySchema> {}
export type RegionFigures = z.infer<typeof region>;
export type PhaseSummary = z.infer<typeof phase>;
export type ModelSummary = NonNullable<Summary['model']>;
export type AccessSummary = z.infer<typeof access>;
export type WorkloadSummary = NonNullable<Summary['workload']>;
export type RequestSummary = NonNullable<WorkloadSummary['requests']>;

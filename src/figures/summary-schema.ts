import { z } from 'zod';
import { summarySchemaVersion } from './summary-version.js';

// summary.json, schema 2. Plain numbers; bytes unless the name says otherwise, times in ns; null where not known.
// docs/metrics.md tells for every figure where in an I/O's life it is taken.

const count = z.number().int().nonnegative();
const figure = z.number();
const maybe = figure.nullable();
const perKey = z.record(z.string(), count);

const transfer = z.object({
  count,
  bytes: count,
  uniqueSectors: count,
  uniqueBytes: count,
  /** bytes / uniqueBytes; null when nothing was transferred. */
  reReadFactor: maybe,
  errors: count,
});

const gaps = z.object({ sequential: count, small: count, medium: count, large: count, backward: count });

const latency = z.object({
  count,
  min: figure,
  mean: figure,
  p50: figure,
  p90: figure,
  p99: figure,
  p999: figure,
  max: figure,
});

/** What completed reads brought in of a tensor, layer, role or expert, to the byte. */
const regionFigures = z.object({
  name: z.string(),
  /** Of tensors: where they belong; metadata and padding are named as their role. */
  layer: count.nullable().optional(),
  role: z.string().nullable().optional(),
  expert: count.nullable().optional(),
  /** Of tensors: what a token uses of them, see src/model/uses.ts; null for metadata and padding. */
  use: z.enum(['whole', 'rows', 'experts', 'none', 'unknown']).nullable().optional(),
  /** Of tensors: where the workload kept them; null where it cannot be told. */
  weights: z.enum(['mapped', 'copied', 'both']).nullable().optional(),
  bytes: count,
  uniqueBytes: count,
  coverage: figure,
  readBytes: count,
  reReadFactor: maybe,
  /** Reads that touch it; one over two tensors counts for both. */
  reads: count,
  /** Of it read while tokens were generated; null where tokens are not known. */
  generationBytes: count.nullable(),
  bytesPerToken: maybe,
  /** Completion of the first and last read; null when there was none. */
  firstNs: count.nullable(),
  lastNs: count.nullable(),
});

/** Every row once, in the file's order; tensors, layers and roles each add up to the model's figures. */
const regions = z.array(regionFigures).nullable();

/** Over the tokens generated; src/heat says what each figure means. */
const heat = z.object({
  tokens: count,
  regionBytes: z.object({ every: count, some: count, never: count }),
  expertUse: z
    .object({
      count,
      hottest: z.array(z.object({ k: count, share: figure })),
      repeatedShare: maybe,
    })
    .nullable(),
  seenShare: maybe,
});

const distribution = latency.nullable();

/** Matched per request. Without Q in the trace only d2c is known. */
const stages = z.object({
  q2c: distribution,
  q2d: distribution,
  d2c: distribution,
  q2g: distribution.optional(),
  g2i: distribution.optional(),
  i2d: distribution.optional(),
  q2m: distribution.optional(),
});

/**
 * A part of the workload's life by its own marks. What was in flight at its start or end counts where it completed, but
 * its latency, which no phase has whole, in none.
 */
const phase = z.object({
  startNs: count,
  endNs: count,
  wallNs: count,
  tokens: count.nullable(),
  reads: z.object({ count, bytes: count, uniqueBytes: count, reReadFactor: maybe }),
  /** Null when no files were named. */
  model: z.object({ reads: count, readBytes: count, uniqueBytes: count, reReadFactor: maybe }).nullable(),
  writes: z.object({ count, bytes: count }).optional(),
  /** Of reads, as are sizes and latency: in device order, and in the two others. */
  gaps: gaps.nullable(),
  demandGaps: gaps.nullable().optional(),
  fileGaps: gaps.nullable().optional(),
  sizes: perKey.optional(),
  latency: stages.optional(),
  bytesPerSecond: maybe,
  bytesPerToken: maybe,
  /** Of generation: tokens that were seen one by one. Fewer than `tokens`: what each token read is not known. */
  marks: count.optional(),
  /** Of generation with speculative decoding: walks over the weights, fewer than tokens; null where nobody says. */
  walks: count.nullable().optional(),
  bytesPerWalk: maybe.optional(),
});

const model = z.object({
  files: z.array(z.string()),
  bytes: count,
  extents: count,
  /** 0 to 1: the share of the files' sectors that was read at least once. A lower bound if not complete. */
  coverage: figure,
  uniqueBytes: count,
  reReadFactor: maybe,
  /** What landed in the files' extents: completed reads that touch them, and the bytes inside them. */
  reads: count,
  readBytes: count,
  tensors: regions,
  layers: regions,
  roles: regions,
  experts: regions,
  /** Tensors, or experts' slices of them, of which not a byte was read. */
  /** Sizes of the tensors by what a token uses of them. */
  uses: z
    .object({ whole: count, rows: count, experts: count, none: count, unknown: count })
    .nullable()
    .optional(),
  neverRead: z
    .array(z.object({ name: z.string(), bytes: count }))
    .nullable()
    .default(null),
  heat: heat.nullable().default(null),
});

export const summarySchema = z.object({
  schema: z.literal(summarySchemaVersion),
  source: z.object({
    kind: z.enum(['relay', 'ftrace', 'file']),
    protocol: z.union([z.literal(1), z.literal(2)]),
    /** Kernel names, separated by commas when several devices were traced. */
    device: z.string(),
    kernel: z.string(),
    actions: perKey,
  }),
  integrity: z.object({
    /** False: something that is known contradicts the figures. Null: the trace does not tell whether events were lost. */
    complete: z.boolean().nullable(),
    eventsRead: count,
    /** Null: the trace does not tell. */
    eventsDropped: count.nullable(),
    sequenceGaps: count,
    readSectorsTraced: count,
    readSectorsDiskstats: count.nullable(),
    writeSectorsTraced: count,
    writeSectorsDiskstats: count.nullable(),
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
    losses: z
      .array(
        z.object({
          fromNs: count,
          toNs: count,
          count,
          cpu: count.nullable(),
          by: z.enum(['kernel', 'spool']),
        }),
      )
      .optional(),
  }),
  reads: transfer,
  writes: transfer,
  sizes: z.object({ read: perKey, write: perKey }),
  gaps: z.object({ device: gaps.nullable(), demand: gaps.nullable(), file: gaps.nullable() }),
  /** Of reads. */
  latency: stages,
  writeLatency: stages.optional(),
  /** ns spent with so many requests issued and not completed, by number. */
  queueDepthNs: z.array(count).optional(),
  /** The processes that read most, most first. */
  readers: z
    .array(z.object({ pid: count, process: z.string().nullable(), reads: count, bytes: count, gaps }))
    .optional(),
  /** What taking every event of a read for a read would give; for `report --naive`. */
  naive: z.object({ count, bytes: count, gaps, peakBytesPerSecond: count }).optional(),
  timeline: z.object({
    bucketNs: count,
    startNs: count,
    readBytes: z.array(figure),
    readOps: z.array(figure),
    writeBytes: z.array(figure),
    writeOps: z.array(figure),
    /** Requests issued and not completed, bucket by bucket. */
    meanDepth: z.array(figure).optional(),
    maxDepth: z.array(figure).optional(),
  }),
  model: model.nullable(),
  /** Other models and files that the run used, each by itself: a draft, a projector, adapters. */
  otherModels: z.array(model).optional(),
  phases: z
    .object({ load: phase.nullable(), prompt: phase.nullable(), generation: phase.nullable() })
    .nullable()
    .default(null),
  memory: z.object({
    lockedBytes: count,
    limitBytes: count.nullable(),
    pinnedBytes: count,
    /** Of what a token uses, on average, what is pinned: reads that it is sure to save. */
    pinnedUsedBytes: maybe.default(null),
    /** What was read ahead of each token and dropped behind it (run --stream). */
    stream: z
      .object({
        /** Bytes of the model that are not held, read for each round of it. */
        bytesPerRound: count,
        /** Times that the workload went through them. */
        rounds: z.number(),
        piecesRead: count,
        /** Times that it was found elsewhere than expected. */
        lost: count,
        /** CPU time of the stream's threads. */
        cpuNs: z.number(),
      })
      .nullable()
      .default(null),
    mode: z.enum(['none', 'lock', 'leave', 'limit']),
    readAheadKib: count.nullable(),
    /** The machine's page cache just before the workload started and just after it ended. */
    cacheBefore: count.nullable(),
    cacheAfter: count.nullable(),
    majorFaults: count.nullable(),
    evictedPages: count.nullable(),
    cacheState: z.enum(['cold', 'warm', 'asIs']).nullable(),
    totalBytes: count.nullable(),
    availableBefore: count.nullable(),
    /** Bytes of the model's files that were in the page cache. */
    modelCachedBefore: count.nullable(),
    modelCachedAfter: count.nullable(),
    limitPeakBytes: count.nullable(),
    /** Of the workload's cgroup where there is one, else of the machine meanwhile, as are those below. */
    refaultedPages: count.nullable(),
    reclaimedPages: count.nullable().default(null),
    swapInPages: count.nullable().default(null),
    swapOutPages: count.nullable().default(null),
    /** Of the swap traffic what went to compressed memory; null where the machine has none. */
    zramReadBytes: count.nullable().default(null),
    zramWrittenBytes: count.nullable().default(null),
    /** Time in which some task waited for memory, or for a disk (PSI). */
    memoryStallNs: count.nullable().default(null),
    ioStallNs: count.nullable().default(null),
    /** How often the machine was looked at, and the time that took. */
    samples: count.nullable().default(null),
    samplingNs: count.nullable().default(null),
  }),
  workload: z
    .object({
      engine: z.string(),
      argv: z.array(z.string()),
      /** null when a signal ended it. */
      exitCode: count.nullable(),
      signal: z.string().nullable(),
      wallNs: count,
      loadNs: maybe,
      promptTokens: count.nullable(),
      promptTokensPerSecond: maybe,
      tokensPerSecond: maybe,
      tokens: count.nullable(),
      /** Model bytes read (C) during generation / tokens generated. */
      bytesPerToken: maybe,
      /** Whether it was asked to draft tokens ahead: then a walk over the weights may give several. */
      speculative: z.boolean().optional(),
      /** Of all tokens, the first included; null: one for each token, or not told. */
      walks: count.nullable().optional(),
      bytesPerWalk: maybe.optional(),
      /** Of most of what tokens use: whether the weights stayed file mappings or were copied into anonymous memory. */
      weights: z.enum(['mapped', 'copied']).nullable(),
      /** Sizes of the tensors by where they were: mapped, copied, or mapped with a copy that is used. */
      weightsBytes: z.object({ mapped: count, copied: count, both: count }).optional(),
      rssAnonBytes: count.nullable(),
      rssFileBytes: count.nullable(),
      /** Of the model's files, mapped by the workload; of its memory, locked by it. */
      modelMappedBytes: count.nullable().default(null),
      lockedBytes: count.nullable().default(null),
      /** Read from storage by it and its children, as the kernel charged them. */
      readBytes: count.nullable().optional(),
      /** How it loads its model, as far as its options say. */
      loading: z
        .object({
          mode: z.enum(['auto', 'none', 'mmap', 'mlock', 'mmap+mlock', 'dio']),
          lazy: z.enum(['on', 'auto', 'off']).nullable(),
          gpuLayers: z.string().nullable(),
          cpuMoe: z.string().nullable(),
        })
        .nullable()
        .optional(),
    })
    .nullable(),
  bound: z
    .object({
      computeNsPerToken: figure,
      /** From a run with everything cached, or told from this run's own time. */
      computeFrom: z.enum(['warm', 'run']).default('run'),
      /** What a token uses for sure; with weights whose use is unknown. */
      touchedBytesPerToken: figure,
      touchedMostBytesPerToken: figure.optional(),
      keptBytes: figure,
      /** Bytes a second: the larger of the two below and the run's fastest second. */
      bandwidth: figure,
      /** As probed past the page cache: 1 MiB in sequence, 128 KiB at random; null where that cannot be. */
      sequentialBandwidth: maybe.default(null),
      randomBandwidth: maybe.default(null),
      tokensPerSecond: figure,
      /** If all weights of unknown use are used; the same as the bound where there are none. */
      lowTokensPerSecond: figure.optional(),
      /** Measured tokens per second / those of the bound. Above 1 the bound is wrong: see src/report/bound-section.ts. */
      ratio: figure,
      /** What the difference goes to: read though memory could have held it; read ahead and not used for sure; the rest. */
      reReadBytesPerToken: figure.default(0),
      unusedBytesPerToken: figure.default(0),
      waitNsPerToken: figure.default(0),
    })
    .nullable(),
  tracer: z.object({
    cpuNs: count,
    analysisNs: count,
    peakRssBytes: count,
    spoolBytes: count,
    /** The most that the spool held in files. */
    spoolFileBytes: count.optional(),
    bytesPerEvent: maybe,
    bytesWrittenToDevice: count,
  }),
});

export type Summary = z.infer<typeof summarySchema>;
export type RegionFigures = z.infer<typeof regionFigures>;
export type PhaseSummary = z.infer<typeof phase>;
export type ModelSummary = NonNullable<Summary['model']>;
export type WorkloadSummary = NonNullable<Summary['workload']>;

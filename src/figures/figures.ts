import { stages } from '../native/trace.js';
import { derivedFrom, type Figures, figure, joined, maybe, type ValuesOf } from './figure.js';
import { fullestSecond } from './seconds.js';

/**
 * Every figure of a run, declared once: summary.json's schema, the report's tables, `compare`, the store's tables of
 * phases and regions, and the tables of docs/metrics.md are made from these lists, in their order.
 *
 * What is counted has its key in NativeFigures; what is derived says how. docs/architecture.md tells how to add one.
 */

const whole = 'C; an I/O that completes in parts counts once for each part';
const device =
  'D, the first of each request; for a device without D (device mapper, md) Q, else C: see gaps.order';

const stageTimes = Object.fromEntries(
  Object.entries(stages).map(([stage, { label }]) => [
    stage,
    maybe({
      unit: 'distribution',
      label,
      at: `${stage[0]} to ${stage[2]}`.toUpperCase().replace('TO', 'to'),
    }),
  ]),
) as Record<keyof typeof stages, ReturnType<typeof maybe<'distribution'>>>;

const gapsBetween = (reads: string) => ({
  device: maybe({ unit: 'gaps', label: `gaps between ${reads} in device order`, at: device }),
  demand: maybe({
    unit: 'gaps',
    label: `gaps between ${reads} in the order in which they were asked for`,
    at: 'Q; null without Q',
  }),
});

/** Counted of a whole trace and of each phase. */
export const traceFigures = {
  reads: {
    count: figure({
      unit: 'count',
      label: 'reads that completed',
      at: whole,
      compare: 'reads',
      column: 'reads',
    }),
    bytes: figure({
      unit: 'bytes',
      label: 'bytes of these reads',
      at: 'C',
      compare: 'all bytes read',
      column: 'readBytes',
    }),
    uniqueSectors: figure({ unit: 'sectors', label: 'size of the union of their ranges', at: 'C' }),
    errors: maybe({ unit: 'count', label: 'reads that failed; no other figure has them', at: 'C' }),
  },
  writes: {
    count: maybe({ unit: 'count', label: 'writes that completed', at: whole }),
    bytes: maybe({ unit: 'bytes', label: 'bytes of these writes', at: 'C' }),
    uniqueSectors: maybe({ unit: 'sectors', label: 'size of the union of their ranges', at: 'C' }),
    errors: maybe({ unit: 'count', label: 'writes that failed; no other figure has them', at: 'C' }),
  },
  sizes: {
    read: figure({
      unit: 'sizes',
      label: 'reads by size; a request of several merged bios counts as one',
      at: 'C',
    }),
    write: figure({ unit: 'sizes', label: 'writes by size', at: 'C' }),
  },
  gaps: {
    ...gapsBetween('reads'),
    file: maybe({
      unit: 'gaps',
      label: 'gaps by offsets in the traced files, of reads that land in them',
      at: device,
    }),
    order: maybe({
      unit: 'order',
      label: 'where gaps.device is taken; null where devices differ',
      at: 'issue, queue or completion',
    }),
  },
  devices: maybe({
    unit: 'devices',
    label:
      'each traced device by itself; one that lies on another traced device (layered) is in no sum over devices',
    at: 'as the sums',
  }),
  latency: stageTimes,
  writeLatency: stageTimes,
  requests: {
    matched: maybe({ unit: 'count', label: 'requests that completed and whose beginning was seen', at: 'C' }),
    unmatched: maybe({ unit: 'count', label: 'completions of which nothing was seen before', at: 'C' }),
    givenUp: maybe({ unit: 'count', label: 'I/Os whose completion was lost', at: 'Q or D' }),
    open: maybe({ unit: 'count', label: 'I/Os that had not completed at the end', at: 'Q or D' }),
    requeues: maybe({
      unit: 'count',
      label: 'issues of requests that the driver had given back; they are in no gap',
      at: 'D after R',
    }),
    passthrough: maybe({
      unit: 'count',
      label: 'commands (SCSI, NVMe) that carry no place on the disk; they are in no other figure',
      at: 'C',
    }),
  },
  queueDepthNs: maybe({
    unit: 'depths',
    label:
      'time during which a given number of requests were issued and not completed, by that number; a requeue takes one out',
    at: 'D to C, of reads, writes and flushes of all traced devices together',
  }),
  readers: maybe({
    unit: 'readers',
    label:
      'reads by process: of the one that queued them; without Q of the one that issued them, which may be a kernel thread',
    at: 'count and bytes at C, gaps at D',
  }),
  naive: maybe({
    unit: 'naive',
    label: 'what taking every event of a read for a read would give; for `report --naive`',
    at: 'every action',
  }),
  timeline: figure({
    unit: 'timeline',
    label:
      'bytes, operations and depth of the queue by time; a bucket in which nothing completed is there, with 0',
    at: 'C; the depth: D to C',
  }),
} satisfies Figures;

/** Counted of what landed in the files whose coverage is counted. */
const fileFigures = {
  bytes: figure({
    unit: 'bytes',
    label: 'size of the files; what several of them share on the disk counts once, here and below',
    at: 'their extents',
  }),
  reads: figure({ unit: 'count', label: 'reads that touch the files', at: 'C' }),
  readBytes: figure({
    unit: 'bytes',
    label: 'bytes read that lie in the files',
    at: 'C',
    compare: 'model bytes read',
    phases: 'model read',
  }),
  uniqueBytes: figure({
    unit: 'bytes',
    label: 'bytes of the files that were read at least once',
    at: 'C',
    compare: 'unique model bytes',
  }),
} satisfies Figures;

/** The span of time that a trace or a phase is. */
const spanFigures = {
  startNs: figure({ unit: 'ns', label: 'when it began', at: 'CLOCK_MONOTONIC', column: 'start' }),
  endNs: figure({ unit: 'ns', label: 'when it ended', at: 'CLOCK_MONOTONIC', column: 'end' }),
} satisfies Figures;

/** What a figure can be derived from: all that was counted of a trace, or of one of its phases. */
export interface Part extends ValuesOf<typeof traceFigures>, ValuesOf<typeof spanFigures> {
  /** Generated in it; null where that is not known. */
  tokens: number | null;
  /** Of a generation: tokens that were seen one by one, and walks over the weights; null where that is not known. */
  marks: number | null;
  walks: number | null;
  /** null without files. */
  model: ValuesOf<typeof fileFigures> | null;
}

const { derived, maybeDerived } = derivedFrom<Part>();

/** Derived of a whole trace and of each phase. */
export const derivedFigures = {
  wallNs: derived({
    unit: 'ns',
    label: 'how long it lasted',
    at: 'endNs - startNs',
    phases: 'time',
    of: ({ startNs, endNs }) => endNs - startNs,
  }),
  reads: {
    uniqueBytes: derived({
      unit: 'bytes',
      label: 'the unique sectors in bytes',
      at: 'uniqueSectors x 512',
      column: 'uniqueBytes',
      of: ({ reads }) => reads.uniqueSectors * 512,
    }),
    reReadFactor: maybeDerived({
      unit: 'factor',
      label: 'how often each byte was read',
      at: 'bytes / uniqueBytes',
      phases: 're-read',
      compare: 're-read factor',
      of: ({ reads }) => ratio(reads.bytes, reads.uniqueSectors * 512),
    }),
  },
  writes: {
    uniqueBytes: maybeDerived({
      unit: 'bytes',
      label: 'the unique sectors in bytes',
      at: 'uniqueSectors x 512',
      of: ({ writes }) => writes.uniqueSectors && writes.uniqueSectors * 512,
    }),
    reReadFactor: maybeDerived({
      unit: 'factor',
      label: 'how often each byte was written',
      at: 'bytes / uniqueBytes',
      of: ({ writes: { bytes, uniqueSectors } }) =>
        bytes === null || uniqueSectors === null ? null : ratio(bytes, uniqueSectors * 512),
    }),
  },
  bytesPerSecond: maybeDerived({
    unit: 'bytesPerSecond',
    label: 'bytes read a second, over all of it',
    at: 'reads.bytes / wallNs',
    phases: 'per second',
    of: ({ reads, startNs, endNs }) => ratio(reads.bytes, (endNs - startNs) / 1e9),
  }),
  peakBytesPerSecond: maybeDerived({
    unit: 'bytesPerSecond',
    label: 'bytes read in the fullest second, wherever it began',
    at: 'timeline',
    compare: 'peak, disk',
    of: ({ timeline }) => fullestOf(timeline),
  }),
  share128KiB: maybeDerived({
    unit: 'share',
    label: 'reads of exactly 128 KiB, the largest that a readahead of the default size makes',
    at: 'sizes.read',
    phases: '128 KiB',
    section: 'sizes',
    compare: 'reads of 128 KiB',
    of: ({ sizes }) => ratio(sizes.read[2 ** 17] ?? 0, total(sizes.read)),
  }),
  sequentialShare: maybeDerived({
    unit: 'share',
    label: 'reads that begin where the one before ended',
    at: 'gaps.device',
    phases: 'sequential',
    compare: 'sequential, disk',
    of: ({ gaps }) => gaps.device && ratio(gaps.device.sequential, total(gaps.device)),
  }),
  backwardShare: maybeDerived({
    unit: 'share',
    label: 'reads that begin before the end of the one before',
    at: 'gaps.device',
    compare: 'backward, disk',
    of: ({ gaps }) => gaps.device && ratio(gaps.device.backward, total(gaps.device)),
  }),
} satisfies Figures;

/** Derived of the files. */
export const derivedFileFigures = {
  coverage: derived({
    unit: 'share',
    label: 'of the files what was read at least once',
    at: 'uniqueBytes / bytes',
    compare: 'coverage',
    phases: 'coverage',
    of: ({ model }) => (model && ratio(model.uniqueBytes, model.bytes)) ?? 0,
  }),
  reReadFactor: maybeDerived({
    unit: 'factor',
    label: 'how often each of these bytes was read',
    at: 'readBytes / uniqueBytes',
    phases: 're-read',
    compare: 're-read factor',
    of: ({ model }) => model && ratio(model.readBytes, model.uniqueBytes),
  }),
  readAgainBytes: derived({
    unit: 'bytes',
    label: 'bytes that had been read before',
    at: 'readBytes - uniqueBytes',
    compare: 'read again',
    of: ({ model }) => (model ? model.readBytes - model.uniqueBytes : 0),
  }),
  otherBytes: derived({
    unit: 'bytes',
    label: 'bytes read of the same devices outside the files',
    at: 'reads.bytes - readBytes',
    compare: 'not from the model',
    of: ({ model, reads }) => Math.max(0, reads.bytes - (model?.readBytes ?? 0)),
  }),
} satisfies Figures;

/** What the derived figures of an access are made from. */
type AccessCounts = Pick<Part, 'sizes' | 'gaps' | 'latency' | 'timeline' | 'startNs' | 'endNs' | 'reads'>;

const { maybeDerived: maybeOfAccess } = derivedFrom<AccessCounts>();

/** How the files were read: of the reads that land in them alone, as if the disk had had no others. */
export const accessFigures = {
  sequentialShare: maybeOfAccess({
    unit: 'share',
    label: "the model's reads that begin where its read before ended",
    at: 'gaps.device of these reads',
    phases: 'sequential',
    compare: 'sequential, model',
    of: ({ gaps }) => gaps.device && ratio(gaps.device.sequential, total(gaps.device)),
  }),
  backwardShare: maybeOfAccess({
    unit: 'share',
    label: "the model's reads that begin before the end of its read before",
    at: 'gaps.device of these reads',
    compare: 'backward, model',
    of: ({ gaps }) => gaps.device && ratio(gaps.device.backward, total(gaps.device)),
  }),
  fileSequentialShare: maybeOfAccess({
    unit: 'share',
    label: 'the same by offsets in the file: reads that go on where the one before ended',
    at: 'gaps.file',
    compare: 'sequential, by file',
    of: ({ gaps }) => gaps.file && ratio(gaps.file.sequential, total(gaps.file)),
  }),
  fileBackwardShare: maybeOfAccess({
    unit: 'share',
    label: 'the same by offsets in the file: reads that go back',
    at: 'gaps.file',
    compare: 'backward, by file',
    of: ({ gaps }) => gaps.file && ratio(gaps.file.backward, total(gaps.file)),
  }),
  share128KiB: maybeOfAccess({
    unit: 'share',
    label: 'of these reads those of exactly 128 KiB, the largest that a readahead of the default size makes',
    at: 'sizes of these reads',
    phases: '128 KiB',
    of: ({ sizes }) => ratio(sizes.read[2 ** 17] ?? 0, total(sizes.read)),
  }),
  bytesPerSecond: maybeOfAccess({
    unit: 'bytesPerSecond',
    label: 'bytes of these reads a second, over all of it',
    at: 'their bytes / wallNs',
    phases: 'per second',
    of: ({ reads, startNs, endNs }) => ratio(reads.bytes, (endNs - startNs) / 1e9),
  }),
  peakBytesPerSecond: maybeOfAccess({
    unit: 'bytesPerSecond',
    label: 'bytes of these reads in the fullest second, wherever it began',
    at: 'their timeline',
    compare: 'peak, model',
    of: ({ timeline }) => fullestOf(timeline),
  }),
} satisfies Figures;

/** Counted of these reads alone. */
export const accessCounts = {
  sizes: figure({ unit: 'sizes', label: 'these reads by size', at: 'C' }),
  gaps: gapsBetween('these reads'),
  latency: stageTimes,
} satisfies Figures;

/** Of a phase alone. */
export const phaseFigures = {
  tokens: maybe({
    unit: 'count',
    label: 'tokens generated in it',
    at: 'marks of the workload',
    column: 'tokens',
  }),
  marks: maybe({
    unit: 'count',
    label: 'tokens that were seen one by one; fewer than tokens: what each token read is not known',
    at: 'marks of the workload',
  }),
  walks: maybe({
    unit: 'count',
    label: 'with speculative decoding: walks over the weights, fewer than tokens',
    at: 'told by the program',
  }),
  bytesPerWalk: maybeDerived({
    unit: 'meanBytes',
    label: 'bytes of the files read for a walk',
    at: 'model.readBytes / walks',
    of: ({ model, walks }) => (model && walks ? model.readBytes / walks : null),
  }),
  bytesPerToken: maybeDerived({
    unit: 'meanBytes',
    label: 'bytes of the files read for a token',
    at: 'model.readBytes / tokens',
    phases: 'per token',
    of: ({ model, tokens }) => (model && tokens ? model.readBytes / tokens : null),
  }),
} satisfies Figures;

/** Of a tensor, a layer, a role or an expert: what completed reads brought in of it, to the byte. */
export const regionFigures = {
  bytes: figure({ unit: 'bytes', label: 'its size', at: 'the model', regions: 'size', column: 'bytes' }),
  uniqueBytes: figure({
    unit: 'bytes',
    label: 'what was read at least once',
    at: 'C',
    column: 'uniqueBytes',
  }),
  coverage: figure({
    unit: 'share',
    label: 'the same as a share',
    at: 'uniqueBytes / bytes',
    regions: 'coverage',
  }),
  readBytes: figure({ unit: 'bytes', label: 'what was read', at: 'C', regions: 'read', column: 'readBytes' }),
  reReadFactor: maybe({
    unit: 'factor',
    label: 'how often each byte was read',
    at: 'readBytes / uniqueBytes',
    regions: 're-read',
  }),
  reads: figure({
    unit: 'count',
    label: 'reads that touch it; one over two tensors counts for both',
    at: 'C',
    regions: 'reads',
    column: 'reads',
  }),
  generationBytes: maybe({
    unit: 'bytes',
    label: 'what was read while tokens were generated',
    at: 'C',
    column: 'generationBytes',
  }),
  bytesPerToken: maybe({
    unit: 'meanBytes',
    label: 'the same for a token',
    at: 'generationBytes / tokens',
    regions: 'per token',
  }),
  firstNs: maybe({ unit: 'ns', label: 'when its first read completed', at: 'C', column: 'firstNs' }),
  lastNs: maybe({ unit: 'ns', label: 'when its last read completed', at: 'C', column: 'lastNs' }),
} satisfies Figures;

/** How far the trace can be trusted. */
export const integrityFigures = {
  eventsRead: figure({ unit: 'count', label: 'events that were read', at: 'every action' }),
  eventsDropped: maybe({
    unit: 'count',
    label: 'events that the kernel or the spool dropped',
    at: 'their counters',
    compare: 'events lost',
  }),
  sequenceGaps: figure({
    unit: 'count',
    label: 'events missing by their sequence numbers',
    at: 'every action',
  }),
  readSectorsTraced: figure({ unit: 'sectors', label: 'sectors read by the trace', at: 'C' }),
  readSectorsDiskstats: maybe({
    unit: 'sectors',
    label: "sectors read by the devices' own counters; null with a filter, or where a device disappeared",
    at: '/sys/block/DEVICE/stat',
  }),
  writeSectorsTraced: figure({ unit: 'sectors', label: 'sectors written by the trace', at: 'C' }),
  writeSectorsDiskstats: maybe({
    unit: 'sectors',
    label: "sectors written by the devices' own counters; null as for reads",
    at: '/sys/block/DEVICE/stat',
  }),
} satisfies Figures;

/** Of the workload. */
export const workloadFigures = {
  tokensPerSecond: maybe({
    unit: 'perSecond',
    label: 'tokens generated a second',
    at: 'told by the program',
    compare: 'tokens/s',
  }),
  promptTokensPerSecond: maybe({
    unit: 'perSecond',
    label: 'tokens of the prompt a second',
    at: 'told by the program',
    compare: 'prompt tokens/s',
  }),
  loadNs: maybe({
    unit: 'meanNs',
    label: 'time to load the model, by the program; the phase load begins with its process',
    at: 'told by the program',
    compare: 'loading (program)',
  }),
  wallNs: figure({
    unit: 'ns',
    label: 'from its start to its end',
    at: 'CLOCK_MONOTONIC',
    compare: 'wall time',
  }),
  promptTokens: maybe({ unit: 'count', label: 'tokens of the prompt', at: 'told by the program' }),
  tokens: maybe({ unit: 'count', label: 'tokens generated', at: 'told by the program' }),
  bytesPerToken: maybe({
    unit: 'meanBytes',
    label: 'bytes of the model read for a generated token',
    at: 'phases.generation',
    compare: 'read per token',
  }),
  readBytes: maybe({
    unit: 'bytes',
    label: 'read from storage by it and its children, as the kernel charged them',
    at: '/proc/PID/io',
  }),
  rssAnonBytes: maybe({ unit: 'bytes', label: 'the most anonymous memory it had', at: '/proc/PID' }),
  rssFileBytes: maybe({ unit: 'bytes', label: 'the most file pages it had mapped', at: '/proc/PID' }),
  modelMappedBytes: maybe({ unit: 'bytes', label: "of the model's files, mapped by it", at: '/proc/PID' }),
  lockedBytes: maybe({ unit: 'bytes', label: 'of its memory, locked by it', at: '/proc/PID' }),
} satisfies Figures;

/** Of a request that a server worked on. */
export const requestFigures = {
  startNs: figure({
    unit: 'ns',
    label: 'when the server began to work on it',
    at: "the server's log",
    column: 'start',
  }),
  promptEndNs: maybe({
    unit: 'ns',
    label: 'when its prompt was evaluated',
    at: "the server's log",
    column: 'promptEnd',
  }),
  endNs: maybe({ unit: 'ns', label: 'when its work was over', at: "the server's log", column: 'end' }),
  promptTokens: maybe({
    unit: 'count',
    label: 'tokens of its prompt that were evaluated',
    at: 'told by the server',
    column: 'promptTokens',
  }),
  promptTokensPerSecond: maybe({ unit: 'perSecond', label: 'the same a second', at: 'told by the server' }),
  tokens: maybe({
    unit: 'count',
    label: 'tokens generated for it',
    at: 'told by the server',
    column: 'tokens',
  }),
  tokensPerSecond: maybe({ unit: 'perSecond', label: 'the same a second', at: 'told by the server' }),
  readBytes: maybe({
    unit: 'bytes',
    label: 'bytes of the files read while it was worked on; requests at the same time share their reads',
    at: 'C',
    column: 'readBytes',
  }),
  generationBytes: maybe({
    unit: 'bytes',
    label: 'of these, after its prompt',
    at: 'C',
    column: 'generationBytes',
  }),
} satisfies Figures;

/** Of the machine's memory, and of the workload's where it has a cgroup. */
export const memoryFigures = {
  lockedBytes: figure({ unit: 'bytes', label: 'locked by blkscope', at: 'before the workload' }),
  limitBytes: maybe({
    unit: 'bytes',
    label: "limit of the workload's cgroup, page cache included",
    at: 'memory.max',
  }),
  pinnedBytes: figure({
    unit: 'bytes',
    label: 'of the model, held in the page cache',
    at: 'before the workload',
  }),
  pinnedUsedBytes: maybe({
    unit: 'meanBytes',
    label: 'of what a token uses, on average, what is pinned: reads that it is sure to save',
    at: 'the plan',
  }),
  readAheadKib: maybe({ unit: 'KiB', label: "readahead of the model's disk", at: 'read_ahead_kb' }),
  cacheBefore: maybe({ unit: 'bytes', label: "the machine's page cache", at: 'just before the workload' }),
  cacheAfter: maybe({ unit: 'bytes', label: "the machine's page cache", at: 'just after the workload' }),
  majorFaults: maybe({
    unit: 'count',
    label: 'page faults that waited for a disk',
    at: '/proc/PID, else the cgroup',
    compare: 'major faults',
  }),
  evictedPages: maybe({ unit: 'pages', label: 'pages of the model that were evicted', at: 'cachestat' }),
  totalBytes: maybe({ unit: 'bytes', label: 'memory of the machine', at: 'MemTotal' }),
  availableBefore: maybe({
    unit: 'bytes',
    label: 'memory that could be had',
    at: 'MemAvailable, before the workload',
  }),
  modelCachedBefore: maybe({
    unit: 'bytes',
    label: 'of the files of all models in the page cache',
    at: 'before the workload',
  }),
  modelCachedAfter: maybe({
    unit: 'bytes',
    label: 'of the files of all models in the page cache',
    at: 'after the workload',
    compare: 'model cached after',
  }),
  limitPeakBytes: maybe({
    unit: 'bytes',
    label: "the most that the workload's cgroup used",
    at: 'memory.peak',
  }),
  refaultedPages: maybe({
    unit: 'pages',
    label: 'pages evicted and then wanted again',
    at: 'the cgroup, else the machine; as below',
    compare: 'pages refaulted',
  }),
  reclaimedPages: maybe({ unit: 'pages', label: 'pages that the kernel reclaimed', at: 'pgsteal' }),
  swapInPages: maybe({ unit: 'pages', label: 'pages read from swap', at: 'pswpin' }),
  swapOutPages: maybe({ unit: 'pages', label: 'pages written to swap', at: 'pswpout' }),
  zramReadBytes: maybe({ unit: 'bytes', label: 'of the swap traffic: from compressed memory', at: 'zram' }),
  zramWrittenBytes: maybe({ unit: 'bytes', label: 'of the swap traffic: to compressed memory', at: 'zram' }),
  memoryStallNs: maybe({
    unit: 'ns',
    label: 'time in which some task waited for memory',
    at: 'PSI',
    compare: 'stalled on memory',
  }),
  ioStallNs: maybe({
    unit: 'ns',
    label: 'time in which some task waited for a disk',
    at: 'PSI',
    compare: 'stalled on disks',
  }),
  samples: maybe({ unit: 'count', label: 'how often the machine was looked at', at: 'the sampler' }),
  samplingNs: maybe({ unit: 'ns', label: 'the time that took', at: 'the sampler' }),
} satisfies Figures;

/** Of the memory beside what was read. */
export const derivedMemoryFigures = {
  bytesPerMajorFault: derivedFrom<Pick<Part, 'model'> & { majorFaults: number | null }>().maybeDerived({
    unit: 'meanBytes',
    label: 'bytes of the model read for a page fault that waited',
    at: 'model.readBytes / majorFaults',
    compare: 'read per major fault',
    of: ({ model, majorFaults }) => (model && majorFaults ? model.readBytes / majorFaults : null),
  }),
} satisfies Figures;

/** Of what was read ahead of each token and dropped behind it (`run --stream`). */
export const streamFigures = {
  bytesPerRound: figure({
    unit: 'bytes',
    label: 'bytes of the model that are not held, read for each round of it',
    at: 'the plan',
  }),
  rounds: figure({ unit: 'number', label: 'times that the workload went through them', at: 'the stream' }),
  piecesRead: figure({ unit: 'count', label: 'pieces read', at: 'the stream' }),
  lost: figure({
    unit: 'count',
    label: 'times that the workload was elsewhere than expected',
    at: 'the stream',
  }),
  cpuNs: figure({ unit: 'meanNs', label: "CPU time of the stream's threads", at: 'CLOCK_THREAD_CPUTIME_ID' }),
} satisfies Figures;

/** What tokens used of the model, whether the disk was read for it or not; of a run with `--touches`. */
export const touchFigures = {
  tokens: figure({ unit: 'count', label: 'tokens that were profiled', at: 'passes over the weights' }),
  touchedBytesPerToken: figure({
    unit: 'meanBytes',
    label: 'bytes of the model that a token used, hits of the page cache included',
    at: 'page faults of a profiled token',
  }),
  faultsPerToken: figure({
    unit: 'number',
    label: 'page faults of a profiled token in the model',
    at: 'page faults',
  }),
  lostFaults: figure({
    unit: 'count',
    label: 'faults that the kernel had no room for; what they would tell is missing',
    at: "the event's own count",
  }),
  profiledNsPerToken: maybe({
    unit: 'meanNs',
    label: 'how long a profiled token took; the median',
    at: 'begin of a pass to that of the next',
  }),
  unprofiledNsPerToken: maybe({
    unit: 'meanNs',
    label: 'how long a token took that was not profiled; the median. Figures of speed are made from it',
    at: 'begin of a pass to that of the next',
  }),
} satisfies Figures;

/** Bytes that came into the page cache, by what became of them; of a run with `--account`, and of each of its phases and regions. */
export const fateFigures = {
  bytes: figure({
    unit: 'bytes',
    label: 'bytes read into the page cache; the next four add up to them',
    at: 'a page is added to the page cache',
    column: 'bytes',
  }),
  usedBytes: figure({
    unit: 'bytes',
    label: 'used before they were evicted',
    at: 'the first use: a page fault or a read of the workload',
    column: 'usedBytes',
  }),
  usedLaterBytes: figure({
    unit: 'bytes',
    label: 'evicted before they were used, and used after they had been read again',
    at: 'the next time that the page is added',
    column: 'usedLaterBytes',
  }),
  neverUsedBytes: figure({
    unit: 'bytes',
    label: 'evicted before they were used, and not used since',
    at: 'the next time that the page is added, or the end',
    column: 'neverUsedBytes',
  }),
  stillCachedBytes: figure({
    unit: 'bytes',
    label: 'not used, and still cached when the workload had ended',
    at: 'mincore at the end',
    column: 'stillCachedBytes',
  }),
  usedAgainBytes: figure({
    unit: 'bytes',
    label: 'of usedBytes: had been used before, were evicted, and read again',
    at: 'the first use',
    column: 'usedAgainBytes',
  }),
  unseenBytes: figure({
    unit: 'bytes',
    label:
      'of the bytes that are not in usedBytes: mapped together with a page that was used, so that their own use would not have been seen',
    at: 'mm_filemap_map_pages and mm_filemap_fault',
    column: 'unseenBytes',
  }),
} satisfies Figures;

/** What became of every byte read of the model; of a run with `--account`. */
export const accountFigures = {
  ...fateFigures,
  lostEvents: figure({
    unit: 'count',
    label: 'events that the kernel had no room for; with any, no figure here is exact',
    at: "the events' own count",
  }),
} satisfies Figures;

/**
 * What the machine did besides, while the workload ran: what makes a run slower than another of the same conditions.
 * null where the kernel does not count it.
 */
export const contentionFigures = {
  cpuDelayNs: maybe({
    unit: 'ns',
    label:
      'time in which a thread of the workload could run and had no CPU; of each quarter of a second that of the thread that waited most',
    at: '/proc/PID/task/TID/schedstat',
    compare: 'waited for a CPU',
  }),
  cpuStallNs: maybe({
    unit: 'ns',
    label: 'time in which some task of the machine waited for a CPU',
    at: 'PSI',
  }),
  stealNs: maybe({
    unit: 'ns',
    label: 'time that a hypervisor gave to others, of all CPUs together',
    at: '/proc/stat',
  }),
  workloadCpuNs: maybe({
    unit: 'ns',
    label: 'CPU time of the workload, of all its threads together',
    at: '/proc/PID/stat',
    compare: 'CPU time',
  }),
  kernelCpuNs: maybe({
    unit: 'ns',
    label: "CPU time of the kernel's threads that reclaim memory and start I/Os",
    at: '/proc/PID/stat',
  }),
  otherCpuNs: maybe({
    unit: 'ns',
    label:
      "CPU time of everybody else: not the workload, not blkscope, not the kernel's threads for memory and I/O",
    at: '/proc/stat less those',
  }),
  involuntarySwitches: maybe({
    unit: 'count',
    label: 'times that the kernel took the CPU from a thread of the workload',
    at: '/proc/PID/task/TID/status',
  }),
  otherReadBytes: maybe({
    unit: 'bytes',
    label:
      'bytes read of the traced devices, less those that the kernel charged to the workload and to blkscope',
    at: 'C, and /proc/PID/io',
  }),
  otherMemoryBytes: maybe({
    unit: 'bytes',
    label: "the most by which others' anonymous memory grew",
    at: "AnonPages less the workload's",
  }),
} satisfies Figures;

/** The highest speed that a run with this model, memory and disk can have. */
export const boundFigures = {
  computeNsPerToken: figure({
    unit: 'meanNs',
    label: 'how long a token takes when everything is cached, as the fastest tokens showed',
    at: 'computeFrom',
  }),
  touchedBytesPerToken: figure({
    unit: 'meanBytes',
    label:
      'bytes that a token uses: all weights except experts and the embedding table; one row of that table; the part of the experts that a token uses',
    at: 'the model',
  }),
  touchedMostBytesPerToken: maybe({
    unit: 'meanBytes',
    label: 'the same, with all weights of which nobody knows whether a token uses them',
    at: 'the model',
  }),
  keptBytes: figure({
    unit: 'meanBytes',
    label:
      "how much of these memory can keep: at most the limit (or the available memory) minus the workload's anonymous memory. Weights that were copied into that memory count as kept",
    at: 'memory, workload',
  }),
  bandwidth: figure({
    unit: 'bytesPerSecond',
    label:
      'the most that this disk was ever seen to give: in the two probes below, and in the fastest second of a run',
    at: 'this run and those beside it',
  }),
  sequentialBandwidth: maybe({
    unit: 'bytesPerSecond',
    label: 'a probe: reads of 1 MiB one after another, four in flight',
    at: 'before the trace',
  }),
  randomBandwidth: maybe({
    unit: 'bytesPerSecond',
    label: 'a probe: reads of 128 KiB at random places, one at a time',
    at: 'before the trace',
  }),
  tokensPerSecond: figure({
    unit: 'perSecond',
    label: 'the bound',
    at: '1 / max(compute, (touched - kept) / bandwidth)',
  }),
  lowTokensPerSecond: maybe({
    unit: 'perSecond',
    label: 'the bound if all weights of unknown use are used; the same where there are none',
    at: 'touchedMostBytesPerToken',
  }),
  ratio: figure({
    unit: 'share',
    label: 'measured speed divided by the bound',
    at: 'workload.tokensPerSecond',
  }),
  reReadBytesPerToken: figure({
    unit: 'meanBytes',
    label:
      'bytes read beyond those of unusedBytesPerToken and beyond touched - kept. Memory could have kept them',
    at: 'C',
  }),
  unusedBytesPerToken: figure({
    unit: 'meanBytes',
    label:
      'bytes read during generation and not used before they were evicted. Without --account: role by role, what is beyond that which a token can use of the role, which is readahead that was surely useless, and other useless readahead is not in it',
    at: 'C',
  }),
  busyNsPerToken: maybe({
    unit: 'meanNs',
    label:
      'of the rest what others took: for how long they, or a hypervisor, had the CPU that a thread of the workload waited for; of the thread that waited most',
    at: 'schedstat, /proc/stat',
  }),
  remainderNsPerToken: figure({
    unit: 'meanNs',
    label:
      "what is left of a token's time, of which nobody knows the cause: compute and reads that did not overlap, a disk below its full speed, or a computation slower than the fastest",
    at: 'workload.tokensPerSecond',
  }),
} satisfies Figures;

/** What the tracing itself cost. */
export const tracerFigures = {
  cpuNs: figure({ unit: 'ns', label: 'CPU time of the capture threads', at: 'CLOCK_THREAD_CPUTIME_ID' }),
  analysisNs: figure({
    unit: 'ns',
    label: 'CPU time of the analysis thread, and of a live view (`--watch`)',
    at: 'CLOCK_THREAD_CPUTIME_ID; getrusage',
  }),
  peakRssBytes: figure({ unit: 'bytes', label: 'peak memory of blkscope', at: '/proc/self/status' }),
  spoolBytes: figure({ unit: 'bytes', label: 'the most that the spool held in memory', at: 'the spool' }),
  spoolFileBytes: maybe({ unit: 'bytes', label: 'the most that the spool held in files', at: 'the spool' }),
  bytesPerEvent: maybe({ unit: 'meanBytes', label: 'what an event takes in the spool', at: 'the spool' }),
  bytesWrittenToDevice: figure({
    unit: 'bytes',
    label: 'written by blkscope while tracing',
    at: '/proc/self/io',
  }),
} satisfies Figures;

/** Of a trace or a phase: its files first, since most look at a model. */
export const partFigures = joined(
  { ...spanFigures, wallNs: derivedFigures.wallNs, model: joined(fileFigures, derivedFileFigures) },
  joined(traceFigures, derivedFigures),
);

/** The same with how the files were read, where that was told apart. */
export const partWithAccess = joined(partFigures, { model: { access: joined(accessCounts, accessFigures) } });

/** Of a run, all but what it has of its phases and of the model's regions. */
export const runFigures = {
  workload: workloadFigures,
  ...partWithAccess,
  memory: joined(memoryFigures, derivedMemoryFigures),
  contention: contentionFigures,
  bound: boundFigures,
  integrity: integrityFigures,
  tracer: tracerFigures,
};

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function fullestOf({ readBytes, bucketNs }: Part['timeline']): number | null {
  return readBytes.length === 0 ? null : fullestSecond(readBytes, bucketNs);
}

import { release } from 'node:os';
import type { GroupKind } from '../model/region-groups.js';
import type {
  NativeDefect,
  NativeGaps,
  NativeSummary,
  NativeTracerInfo,
  NativeTransfer,
} from '../native/trace.js';
import type { Generation, WorkloadOutcome } from '../workload/engine.js';
import { remarks, toldDefect, toldRemark } from './defects.js';
import type { PhaseName } from './phases.js';
import type { RegionResults } from './region-figures.js';
import type { SubjectFigures } from './subjects.js';
import type { ModelSummary, PhaseSummary, Summary, WorkloadSummary } from './summary-schema.js';
import { summarySchemaVersion } from './summary-version.js';

export interface SummaryInput {
  devices: readonly string[];
  info: NativeTracerInfo;
  traced: NativeSummary;
  /** The files whose coverage was counted, the run's own model first; its phases are the run's. At least one. */
  subjects: readonly SubjectFigures[];
  memory: Summary['memory'];
  workload: WorkloadOutcome | null;
  bytesWrittenToDevice: number;
  /** Why the run ended before its workload did; null when it did not. */
  interrupted: string | null;
}

/** Puts a run's figures together as summary.json names them. */
export function buildSummary(input: SummaryInput): Summary {
  const { traced } = input;
  const said = input.workload?.generation ?? null;
  const [main, ...others] = input.subjects as readonly [SubjectFigures, ...SubjectFigures[]];
  const phases = phasesSummary(main.regions, main.files.length > 0, said);
  return {
    schema: summarySchemaVersion,
    source: {
      kind: input.info.source,
      protocol: input.info.protocol,
      device: input.devices.join(','),
      kernel: release(),
      actions: traced.actions,
    },
    integrity: integrity(input),
    reads: transfer(traced.reads),
    writes: transfer(traced.writes),
    sizes: traced.sizes,
    gaps: {
      device: anyGap(traced.gaps.device),
      demand: anyGap(traced.gaps.demand),
      file: anyGap(traced.gaps.file),
    },
    latency: traced.latency.read,
    writeLatency: traced.latency.write,
    queueDepthNs: traced.queueDepthNs,
    readers: traced.readers
      .toSorted((a, b) => b.bytes - a.bytes)
      .slice(0, mostReaders)
      .map((reader) => named(reader, traced)),
    naive: traced.naive,
    timeline: timeline(traced),
    model: main.files.length === 0 ? null : model(main),
    ...(others.length === 0 ? {} : { otherModels: others.map(model) }),
    phases,
    memory: input.memory,
    workload: input.workload && workload(input.workload, phases?.generation ?? null, main.weights),
    bound: null,
    tracer: {
      cpuNs: traced.tracer.captureCpuNs,
      analysisNs: traced.tracer.analysisCpuNs,
      peakRssBytes: Math.max(0, traced.tracer.peakRssBytes - heldBytes(input.memory)),
      spoolBytes: traced.tracer.spoolPeakBytes,
      spoolFileBytes: traced.tracer.spoolFilePeakBytes,
      bytesPerEvent: traced.eventsRead === 0 ? null : traced.tracer.spoolTotalBytes / traced.eventsRead,
      bytesWrittenToDevice: input.bytesWrittenToDevice,
    },
  };
}

/** What this process itself holds for the experiment is not what tracing costs. */
function heldBytes({ lockedBytes, limitBytes, pinnedBytes }: Summary['memory']): number {
  return lockedBytes + (limitBytes === null ? pinnedBytes : 0); // for a cgroup another process pins
}

function integrity({ traced, interrupted, info }: SummaryInput): Summary['integrity'] {
  const cut = interrupted ? [{ code: 'INTERRUPTED', values: { reason: interrupted } }] : [];
  const defects = [...traced.defects, ...cut].filter(({ code }) => !remarks[code]).map(toldDefect);
  // Only a live tracer sees the kernel's count of drops, and only records of version 2 have a number for each.
  const lossUnknown = info.source === 'file' && info.protocol === 1;
  return {
    complete: defects.length > 0 ? false : lossUnknown ? null : true,
    eventsRead: traced.eventsRead,
    eventsDropped: lossUnknown ? null : traced.eventsDropped,
    sequenceGaps: traced.sequenceGaps,
    readSectorsTraced: Number(traced.readSectorsTraced),
    readSectorsDiskstats: Number(traced.readSectorsDiskstats),
    writeSectorsTraced: Number(traced.writeSectorsTraced),
    writeSectorsDiskstats: Number(traced.writeSectorsDiskstats),
    defects,
    remarks: [
      ...(lossUnknown ? [lossUnknownRemark(traced)] : []),
      ...requestRemarks(traced),
      ...traced.defects,
    ]
      .filter(({ code }) => remarks[code])
      .map(toldRemark),
    losses: traced.losses.map((loss) => ({
      ...loss,
      fromNs: Number(loss.fromNs),
      toNs: Number(loss.toNs),
    })),
  };
}

/** With what speaks for a loss, and what does not. */
function lossUnknownRemark({ requests, defects }: NativeSummary): NativeDefect {
  const { unmatched, open, givenUp } = requests;
  const counts = [
    [unmatched, 'completion without issue'],
    [open + givenUp, 'request without completion'],
    [defects.filter(({ code }) => code === 'ENDS_EARLY').length, 'file that ends early'],
  ] as const;
  const signs = counts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${n === 1 ? what : plural(what)}`);
  const told =
    signs.length > 0 ? `signs of one: ${signs.join(', ')}` : 'nothing in the trace is a sign of one';
  return { code: 'LOSS_UNKNOWN', values: { signs: told } };
}

/** Of the first word. */
function plural(what: string): string {
  return what.replace(/^\w+/, '$&s');
}

function requestRemarks({ requests: { open, unmatched } }: NativeSummary): NativeDefect[] {
  return [
    { code: 'UNMATCHED', values: { requests: unmatched } },
    { code: 'OPEN', values: { requests: open } },
  ].filter(({ values }) => values.requests > 0);
}

function transfer({ count, bytes, uniqueSectors, errors }: NativeTransfer): Summary['reads'] {
  const uniqueBytes = Number(uniqueSectors) * 512;
  return {
    count,
    bytes,
    uniqueSectors: Number(uniqueSectors),
    uniqueBytes,
    reReadFactor: ratio(bytes, uniqueBytes),
    errors,
  };
}

/** A device that tells of no issue or completion of a read has no gaps to report: null, not five zeroes. */
function anyGap(gaps: NativeGaps): NativeGaps | null {
  return Object.values(gaps).some((n) => n > 0) ? gaps : null;
}

/** Processes that read least are left out of the summary; the table `io` has them all. */
const mostReaders = 100;

function named(reader: NativeSummary['readers'][number], { processes }: NativeSummary) {
  const index = processes.pids.indexOf(reader.pid);
  return { process: processes.names[index] ?? null, ...reader };
}

function timeline({ timeline: t }: NativeSummary): Summary['timeline'] {
  return {
    bucketNs: t.bucketNs,
    startNs: Number(t.startNs),
    readBytes: [...t.readBytes],
    readOps: [...t.readOps],
    writeBytes: [...t.writeBytes],
    writeOps: [...t.writeOps],
    meanDepth: [...t.meanDepth],
    maxDepth: [...t.maxDepth],
  };
}

/** Split models are all their parts. */
function model({ files, read, regions, heat, uses, weights }: SubjectFigures): ModelSummary {
  return {
    files: files.map(({ path }) => path),
    bytes: read.bytes,
    extents: files.reduce((total, { extents }) => total + extents, 0),
    coverage: ratio(read.uniqueBytes, read.bytes) ?? 0,
    uniqueBytes: read.uniqueBytes,
    reReadFactor: ratio(read.readBytes, read.uniqueBytes),
    reads: read.reads,
    readBytes: read.readBytes,
    tensors: withUses(rows(regions, 'tensors'), uses, weights),
    uses: bytesByUse(rows(regions, 'tensors'), uses),
    layers: rows(regions, 'layers'),
    roles: rows(regions, 'roles'),
    experts: rows(regions, 'experts'),
    neverRead: regions && regions.groups.length > 0 ? regions.neverRead : null,
    heat: heat && {
      tokens: heat.tokens,
      regionBytes: heat.regionBytes,
      expertUse: heat.expertUse,
      seenShare: heat.seenShare,
    },
  };
}

function rows(regions: RegionResults | null, kind: GroupKind): ModelSummary['tensors'] {
  const found = regions?.rows.filter((_, i) => regions.groups[i]?.kind === kind) ?? [];
  return found.length === 0 ? null : found;
}

function withUses(
  tensors: ModelSummary['tensors'],
  uses: SubjectFigures['uses'],
  weights: SubjectFigures['weights'],
): ModelSummary['tensors'] {
  const place = (name: string) => (weights ? { weights: weights.places.get(name) ?? null } : {});
  return (
    tensors?.map((row) => ({ ...row, use: uses?.get(row.name)?.kind ?? null, ...place(row.name) })) ?? null
  );
}

/** Sizes of the tensors by what a token uses of them. */
function bytesByUse(tensors: ModelSummary['tensors'], uses: SubjectFigures['uses']): ModelSummary['uses'] {
  if (!tensors || !uses) return null;
  const bytes = { whole: 0, rows: 0, experts: 0, none: 0, unknown: 0 };
  for (const row of tensors) {
    const use = uses.get(row.name);
    if (use) bytes[use.kind] += row.bytes;
  }
  return bytes;
}

function phasesSummary(
  regions: RegionResults | null,
  files: boolean,
  said: Generation | null,
): Summary['phases'] {
  if (!regions || regions.phases.length === 0) return null;
  const found = (name: PhaseName) => {
    const phase = regions.phases.find((p) => p.name === name);
    return phase ? phaseSummary(phase, files) : null;
  };
  const generated = found('generation');
  return {
    load: found('load'),
    prompt: found('prompt'),
    generation: generated && { ...generated, marks: regions.marks, ...walks(generated, said) },
  };
}

/** The first walk, as the first token, is the prompt's. */
function walks({ model }: PhaseSummary, said: Generation | null): Partial<PhaseSummary> {
  if (!said?.speculative) return {};
  const walks = said.walks === null ? null : said.walks - 1;
  return { walks, bytesPerWalk: walks && model ? model.readBytes / walks : null };
}

function phaseSummary(phase: RegionResults['phases'][number], files: boolean): PhaseSummary {
  const wallNs = Number(phase.toNs - phase.fromNs);
  const uniqueBytes = phase.uniqueSectors * 512;
  const model = {
    reads: phase.modelReads,
    readBytes: phase.modelBytes,
    uniqueBytes: phase.modelUniqueBytes,
    reReadFactor: ratio(phase.modelBytes, phase.modelUniqueBytes),
  };
  return {
    startNs: Number(phase.fromNs),
    endNs: Number(phase.toNs),
    wallNs,
    tokens: phase.tokens,
    reads: {
      count: phase.reads,
      bytes: phase.bytes,
      uniqueBytes,
      reReadFactor: ratio(phase.bytes, uniqueBytes),
    },
    model: files ? model : null,
    writes: { count: phase.writes, bytes: phase.writtenBytes },
    gaps: anyGap(phase.gaps.device),
    demandGaps: anyGap(phase.gaps.demand),
    fileGaps: anyGap(phase.gaps.file),
    sizes: phase.sizes,
    latency: phase.latency,
    bytesPerSecond: ratio(phase.bytes, wallNs / 1e9),
    bytesPerToken: files && phase.tokens ? phase.modelBytes / phase.tokens : null,
  };
}

/** What was read for a token, and for a walk, is of the generation: model bytes read in it by their number. */
function workload(
  outcome: WorkloadOutcome,
  generation: PhaseSummary | null,
  weights: SubjectFigures['weights'],
): WorkloadSummary {
  const { timings } = outcome;
  return {
    engine: outcome.engine,
    argv: outcome.argv,
    exitCode: outcome.exitCode,
    signal: outcome.signalName,
    wallNs: Number(outcome.wallNs),
    loadNs: timings.loadNs === null ? null : Number(timings.loadNs),
    promptTokens: timings.promptTokens,
    promptTokensPerSecond: timings.promptTokensPerSecond,
    tokensPerSecond: timings.tokensPerSecond,
    tokens: timings.tokens,
    bytesPerToken: generation?.bytesPerToken ?? null,
    ...(outcome.generation?.speculative
      ? { speculative: true, walks: outcome.generation.walks, bytesPerWalk: generation?.bytesPerWalk ?? null }
      : {}),
    weights: weights ? weights.main : outcome.weights,
    ...(weights ? { weightsBytes: weights.bytes } : {}),
    rssAnonBytes: outcome.rssAnonBytes,
    rssFileBytes: outcome.rssFileBytes,
    modelMappedBytes: outcome.modelMappedBytes,
    lockedBytes: outcome.lockedBytes,
    readBytes: outcome.readBytes,
    loading: outcome.loading,
  };
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

import { release } from 'node:os';
import { type GroupKind, perKind } from '../model/region-groups.js';
import { bytesByKind } from '../model/uses.js';
import type { NativeDefect, NativeFigures, NativeSummary, NativeTracerInfo } from '../native/trace.js';
import type { WorkloadOutcome } from '../workload/engine.js';
import { seenLoading } from '../workload/loading.js';
import { mostlyLocked } from '../workload/weights.js';
import { remarks, toldDefect, toldRemark } from './defects.js';
import { derive } from './figure.js';
import { derivedFileFigures, derivedMemoryFigures, type Part } from './figures.js';
import { type Access, accessOf, type PartSpan, partOf, toldOf, toldOfPhase } from './part.js';
import type { CountedPhase } from './phase-analyses.js';
import type { RegionResults } from './region-figures.js';
import type { RequestRead, RequestReadsResults } from './request-reads.js';
import type { SubjectFigures } from './subjects.js';
import type {
  ModelSummary,
  PhaseSummary,
  RequestSummary,
  Summary,
  WorkloadSummary,
} from './summary-schema.js';
import { summarySchemaVersion } from './summary-version.js';

/** The memory section without what is derived from others. */
export type CountedMemory = Omit<Summary['memory'], keyof typeof derivedMemoryFigures>;

export interface SummaryInput {
  devices: readonly { number: number; name: string }[];
  info: NativeTracerInfo;
  traced: NativeSummary;
  /** The files whose coverage was counted, the run's own model first; its phases are the run's. At least one. */
  subjects: readonly SubjectFigures[];
  /** What was counted of the reads that land in the first subject's files alone; null or left out: nothing. */
  inFiles?: NativeFigures | null;
  /** Of a workload whose marks tell of them. */
  phases: readonly CountedPhase[];
  memory: CountedMemory;
  /** Without what is told of the trace itself; null or left out: nobody watched the machine. */
  contention?:
    | (Omit<NonNullable<Summary['contention']>, 'otherReadBytes'> & { chargedReadBytes: number | null })
    | null;
  workload: WorkloadOutcome | null;
  /** Of a server; null: it is none, or without files. */
  requests?: RequestReadsResults | null;
  bytesWrittenToDevice: number;
  /** Why the run ended before its workload did; null when it did not. */
  interrupted: string | null;
}

/** Puts a run's figures together as summary.json names them. */
export function buildSummary(input: SummaryInput): Summary {
  const { traced } = input;
  const [main, ...others] = input.subjects as readonly [SubjectFigures, ...SubjectFigures[]];
  const part = wholePart(traced, main, input.devices);
  const { model: _, ...told } = toldOf(part);
  const access = input.inFiles && accessOf(input.inFiles, wholeSpan(traced, input.devices));
  const model = part.model && modelOf(main, part, access && withinDisk(access, told.peakBytesPerSecond));
  const phases = phasesOf(input);
  return {
    schema: summarySchemaVersion,
    source: {
      kind: input.info.source,
      protocol: input.info.protocol,
      device: input.devices.map(({ name }) => name).join(','),
      // A saved trace does not say on which kernel it was made.
      kernel: saved(input) ? 'unknown' : release(),
      actions: traced.actions,
    },
    integrity: integrity(input),
    ...told,
    model,
    ...(others.length === 0
      ? {}
      : {
          otherModels: others.map((other) => ({
            ...modelOf(other, part, null),
            weights: other.weights?.main ?? null,
          })),
          modelsReadBytes: traced.allFiles.readBytes,
        }),
    phases,
    memory: { ...input.memory, ...derive(derivedMemoryFigures, { ...input.memory, model }) },
    contention: contention(input),
    workload:
      input.workload && workload(input.workload, phases?.generation ?? null, main, input.requests ?? null),
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

/** Buckets of the files' own reads begin with the first of these, so that their seconds are others than the disk's. */
function withinDisk(access: Access, peakOfDisk: number | null): Access {
  const { peakBytesPerSecond: peak } = access;
  if (peak === null || peakOfDisk === null) return access;
  return { ...access, peakBytesPerSecond: Math.min(peak, peakOfDisk) };
}

function contention({ contention: seen, traced }: SummaryInput): Summary['contention'] {
  if (!seen) return null;
  const { chargedReadBytes: charged, ...figures } = seen;
  return { ...figures, otherReadBytes: charged === null ? null : Math.max(0, traced.reads.bytes - charged) };
}

/** What this process itself holds for the experiment is not what tracing costs. */
function heldBytes({ lockedBytes, limitBytes, pinnedBytes }: CountedMemory): number {
  return lockedBytes + (limitBytes === null ? pinnedBytes : 0); // for a cgroup another process pins
}

/** From files, and not from the kernel of this machine. */
const saved = ({ info }: SummaryInput): boolean => info.source === 'file';

function integrity(input: SummaryInput): Summary['integrity'] {
  const { traced, info } = input;
  const cut = interruption(input);
  const defects = [...traced.defects, ...fullSets(input), ...cut]
    .filter(({ code }) => !remarks[code])
    .map(toldDefect);
  // Only a live tracer sees the kernel's count of drops, and only records of version 2 have a number for each.
  const lossUnknown = saved(input) && info.protocol === 1;
  return {
    complete: defects.length > 0 ? false : lossUnknown ? null : true,
    eventsRead: traced.eventsRead,
    eventsDropped: lossUnknown ? null : traced.eventsDropped,
    sequenceGaps: traced.sequenceGaps,
    readSectorsTraced: Number(traced.readSectorsTraced),
    readSectorsDiskstats: traced.readSectorsDiskstats === null ? null : Number(traced.readSectorsDiskstats),
    writeSectorsTraced: Number(traced.writeSectorsTraced),
    writeSectorsDiskstats:
      traced.writeSectorsDiskstats === null ? null : Number(traced.writeSectorsDiskstats),
    defects,
    remarks: [
      ...(lossUnknown ? [lossUnknownRemark(traced)] : []),
      ...requestRemarks(traced),
      ...(saved(input) ? layersUnknown(input) : []),
      ...touchesJoined(input),
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

/** The tracer tells of its own sets; phases and regions have others. */
function fullSets({ traced, phases, subjects }: SummaryInput): NativeDefect[] {
  const whole =
    phases.every(({ setsComplete }) => setsComplete) &&
    subjects.every(({ regions }) => regions === null || regions.setsComplete);
  const told = traced.defects.some(({ code }) => code === 'SECTOR_SET_FULL');
  return whole || told ? [] : [{ code: 'SECTOR_SET_FULL', values: {} }];
}

/** Of models that were read for more tokens than are told one by one. */
function touchesJoined({ subjects }: SummaryInput): NativeDefect[] {
  return subjects.flatMap(({ files, regions }) =>
    regions?.marksTold == null
      ? []
      : [{ code: 'TOUCHES_JOINED', values: { model: files[0]?.path ?? '', tokens: regions.marksTold } }],
  );
}

function interruption({ traced, interrupted: reason, info }: SummaryInput): NativeDefect[] {
  if (reason === null) return [];
  if (info.source !== 'file') return [{ code: 'INTERRUPTED', values: { reason } }];
  return [{ code: 'IMPORT_INTERRUPTED', values: { reason, events: traced.eventsRead } }];
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

function requestRemarks({ requests: { open, unmatched, givenUp } }: NativeSummary): NativeDefect[] {
  return [
    { code: 'UNMATCHED', values: { requests: unmatched } },
    { code: 'OPEN', values: { requests: open } },
    { code: 'GIVEN_UP', values: { requests: givenUp } },
  ].filter(({ values }) => values.requests > 0);
}

/** Devices of a saved trace that pass their I/Os on, and of which no remap tells whether another traced one is below. */
function layersUnknown({ traced, devices }: SummaryInput): NativeDefect[] {
  const busy = traced.devices.filter(
    ({ layered, reads, writes }) => !layered && reads.count + writes.count > 0,
  );
  const loop = (number: number) => number >>> 20 === 7; // a loop device's I/Os are asked of a file: no remap tells
  return busy
    .filter(({ number, order }) => loop(number) || (order !== 'issue' && !traced.actions.A))
    .filter(({ number }) =>
      busy.some((other) => other.number !== number && other.order === 'issue' && !loop(other.number)),
    )
    .map(({ number }) => {
      const name = devices.find((device) => device.number === number)?.name;
      return { code: 'LAYERS_UNKNOWN', values: { device: name ?? `${number >>> 20}:${number & 0xfffff}` } };
    });
}

function wholeSpan(
  { startedNs: startNs, stoppedNs: endNs, processes }: NativeSummary,
  devices: SummaryInput['devices'],
): PartSpan {
  return { startNs, endNs, tokens: null, processes, devices };
}

function wholePart(traced: NativeSummary, main: SubjectFigures, devices: SummaryInput['devices']): Part {
  const model = main.files.length === 0 ? null : main.read;
  return { ...partOf(traced, wholeSpan(traced, devices)), model };
}

/** Split models are all their parts. */
function modelOf(
  subject: SubjectFigures,
  part: Part,
  access: ModelSummary['access'] | undefined,
): ModelSummary {
  const { files, read, regions, heat, uses, weights } = subject;
  const tensors = rows(regions, 'tensors');
  return {
    files: files.map(({ path }) => path),
    extents: files.reduce((total, { extents }) => total + extents, 0),
    ...read,
    ...derive(derivedFileFigures, { ...part, model: read }),
    access: access ?? null,
    ...perKind((kind) => rows(regions, kind)),
    tensors: withUses(tensors, uses, weights),
    uses: bytesByUse(tensors, uses),
    neverRead: regions && regions.groups.length > 0 ? regions.neverRead : null,
    heat: heat && {
      tokens: heat.tokens,
      regionBytes: heat.regionBytes,
      expertUse: heat.expertUse,
      seenShare: heat.seenShare,
    },
  };
}

function rows(regions: RegionResults | null, kind: GroupKind): ModelSummary[GroupKind] {
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
  return bytesByKind(tensors.map(({ name, bytes }) => ({ bytes, use: uses.get(name)?.kind ?? null })));
}

function phasesOf({ phases, traced, workload, devices }: SummaryInput): Summary['phases'] {
  if (phases.length === 0) return null;
  const said = workload?.generation ?? null;
  const told = phases.map(({ name, fromNs, toNs, tokens, marks, counted, inFiles }) => {
    // The first walk, as the first token, is the prompt's.
    const walks = name === 'generation' && said?.speculative && said.walks !== null ? said.walks - 1 : null;
    const span = { startNs: fromNs, endNs: toNs, tokens, marks, walks, processes: traced.processes, devices };
    return [name, toldOfPhase(partOf(counted, span), inFiles && accessOf(inFiles, span))] as const;
  });
  return { load: null, prompt: null, generation: null, ...Object.fromEntries(told) };
}

/** What was read for a token, and for a walk, is of the generation: model bytes read in it by their number. */
function workload(
  outcome: WorkloadOutcome,
  generation: PhaseSummary | null,
  { weights, uses }: Pick<SubjectFigures, 'weights' | 'uses'>,
  served: RequestReadsResults | null,
): WorkloadSummary {
  const { timings } = outcome;
  // What is no model has no weights.
  const kept = weights?.main ?? (uses ? outcome.weights : null);
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
    bytesPerToken: generation?.bytesPerToken ?? servedBytesPerToken(served),
    ...(outcome.generation?.speculative
      ? { speculative: true, walks: outcome.generation.walks, bytesPerWalk: generation?.bytesPerWalk ?? null }
      : {}),
    ...(outcome.attached ? { attached: outcome.attached } : {}),
    ...(outcome.requests ? { requests: requestsOf(outcome.requests, served) } : {}),
    weights: kept,
    ...(weights ? { weightsBytes: weights.bytes } : {}),
    ...(outcome.buffers ? { buffers: outcome.buffers } : {}),
    rssAnonBytes: outcome.rssAnonBytes,
    rssFileBytes: outcome.rssFileBytes,
    modelMappedBytes: outcome.modelMappedBytes,
    lockedBytes: outcome.lockedBytes,
    readBytes: outcome.readBytes,
    loading: outcome.loading && seenLoading(outcome.loading, kept, mostlyLocked(outcome)),
  };
}

/** All that was read while tokens were generated, by the tokens of the requests of which it is known when; the first is the prompt's. */
function servedBytesPerToken(served: RequestReadsResults | null): number | null {
  if (!served || served.generationBytes === null) return null;
  const known = served.requests.filter(({ generationBytes }) => generationBytes !== null);
  const tokens = known.reduce((sum, { request }) => sum + Math.max(0, (request.tokens ?? 0) - 1), 0);
  return tokens > 0 ? served.generationBytes / tokens : null;
}

const mostRequestsTold = 100;

function requestsOf(
  requests: NonNullable<WorkloadOutcome['requests']>,
  served: RequestReadsResults | null,
): RequestSummary {
  const reads =
    served?.requests ?? requests.map((request) => ({ request, readBytes: null, generationBytes: null }));
  return {
    count: requests.length,
    open: requests.filter(({ endedAt }) => endedAt === null).length,
    told: reads.slice(0, mostRequestsTold).map(requestRow),
  };
}

type ReadOfRequest = Pick<RequestRead, 'request' | 'generationBytes'> & { readBytes: number | null };

/** A request as summary.json and the store tell it. */
export function requestRow({
  request,
  readBytes,
  generationBytes,
}: ReadOfRequest): RequestSummary['told'][number] {
  const { id, promptTokens, promptTokensPerSecond, tokens, tokensPerSecond } = request;
  const ns = (time: bigint | null) => (time === null ? null : Number(time));
  return {
    id,
    startNs: Number(request.startedAt),
    promptEndNs: ns(request.promptDoneAt),
    endNs: ns(request.endedAt),
    ...{ promptTokens, promptTokensPerSecond, tokens, tokensPerSecond },
    ...{ readBytes, generationBytes },
  };
}

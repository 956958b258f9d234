import { stages } from '../native/trace.js';
import { derive } from './figure.js';
import { derivedMemoryFigures, type Part } from './figures.js';
import { toldOf, toldOfPhase } from './part.js';
import { phaseNames } from './phases.js';
import { summarySchemaVersion } from './summary-version.js';

type Json = Record<string, unknown>;

/**
 * A summary of any schema that is read, in the form of this one. The schema itself checks what comes out; what is too
 * damaged for that throws a TypeError.
 */
export function upgraded(summary: Json): Json {
  return summary.schema === 1 ? ofSchema1(summary as unknown as Schema1) : withAdded(summary);
}

/** Figures that this schema did not have from the start are not known of the runs before. */
function withAdded(summary: Json): Json {
  const { contention } = summary as { contention: Json | null };
  return { ...summary, contention: contention && { kernelCpuNs: null, ...contention } };
}

/** What schema 1 had in other places is put in place; what it did not have is null, or follows from what it had. */
function ofSchema1(summary: Schema1): Json {
  const { writeLatency: _, ...kept } = summary;
  const { model: files, ...told } = toldOf(wholePart(summary));
  return {
    ...kept,
    ...told,
    schema: summarySchemaVersion,
    integrity: { losses: [], ...summary.integrity, defects: toldDefects(summary.integrity) },
    model: summary.model && { neverRead: null, uses: null, heat: null, ...summary.model, ...files },
    phases: summary.phases ? upgradedPhases(summary) : null,
    memory: {
      ...absentMemory,
      ...summary.memory,
      ...derive(derivedMemoryFigures, { ...summary.memory, model: summary.model }),
    },
    workload: summary.workload && { ...absentWorkload, ...summary.workload },
    contention: null,
    bound: summary.bound && upgradedBound(summary.bound),
    tracer: { spoolFileBytes: null, ...summary.tracer },
  };
}

function wholePart(summary: Schema1): Part {
  const { timeline } = summary;
  return {
    ...unknown,
    ...{
      reads: summary.reads,
      writes: summary.writes,
      sizes: summary.sizes,
      gaps: { ...summary.gaps, order: null },
    },
    latency: { ...noStage, ...summary.latency },
    writeLatency: { ...noStage, ...summary.writeLatency },
    queueDepthNs: summary.queueDepthNs ?? null,
    readers: summary.readers ?? null,
    naive: summary.naive ?? null,
    timeline: { meanDepth: null, maxDepth: null, ...timeline },
    startNs: timeline.startNs,
    endNs: timeline.startNs + timeline.readBytes.length * timeline.bucketNs,
    ...{ tokens: null, marks: null, walks: null },
    model: summary.model && countsOf(summary.model),
  };
}

function upgradedPhases({ phases, model }: Schema1): Json {
  const upgradedPhase = (phase: Phase1) => toldOfPhase(phasePart(phase, model?.bytes ?? 0));
  return Object.fromEntries(
    phaseNames.map((name) => {
      const phase = phases?.[name];
      return [name, phase ? upgradedPhase(phase) : null];
    }),
  );
}

/** It told of a phase less than of the whole. */
function phasePart(phase: Phase1, modelBytes: number): Part {
  const { startNs, endNs, tokens, reads, writes, model } = phase;
  return {
    ...unknown,
    ...{ startNs, endNs, tokens, marks: phase.marks ?? null, walks: phase.walks ?? null },
    reads: { count: reads.count, bytes: reads.bytes, uniqueSectors: reads.uniqueBytes / 512, errors: null },
    writes: { ...unknown.writes, ...writes },
    sizes: { read: phase.sizes ?? {}, write: {} },
    gaps: { device: phase.gaps, demand: phase.demandGaps ?? null, file: phase.fileGaps ?? null, order: null },
    latency: { ...noStage, ...phase.latency },
    timeline: { ...unknown.timeline, startNs },
    model: model && countsOf({ ...model, bytes: modelBytes }),
  };
}

function countsOf({ bytes, reads, readBytes, uniqueBytes }: Files1): Files1 {
  return { bytes, reads, readBytes, uniqueBytes };
}

/** Causes were sentences alone, with what mends them. */
function toldDefects({ defects, complete }: Schema1['integrity']): object[] {
  const messages = !complete && defects.length === 0 ? ['events were lost'] : defects;
  return messages.map((message) => ({ code: 'EARLIER', message, mend: null, lowerBounds: true }));
}

const noStage = Object.fromEntries(Object.keys(stages).map((stage) => [stage, null])) as Part['latency'];

/** A part of which nothing is known but what follows. */
const unknown = {
  writes: { count: null, bytes: null, uniqueSectors: null, errors: null },
  writeLatency: noStage,
  requests: { matched: null, unmatched: null, givenUp: null, open: null, requeues: null, passthrough: null },
  ...{ queueDepthNs: null, devices: null, readers: null, naive: null },
  timeline: {
    ...{ bucketNs: 1e8, startNs: 0, readBytes: [], readOps: [], writeBytes: [], writeOps: [] },
    ...{ meanDepth: null, maxDepth: null },
  },
} satisfies Partial<Part>;

const absentMemory = {
  ...{ pinnedUsedBytes: null, stream: null, reclaimedPages: null, swapInPages: null, swapOutPages: null },
  ...{ zramReadBytes: null, zramWrittenBytes: null, memoryStallNs: null, ioStallNs: null },
  ...{ samples: null, samplingNs: null },
};

const absentWorkload = { modelMappedBytes: null, lockedBytes: null, readBytes: null, loading: null };

const absentBound = {
  ...{ touchedMostBytesPerToken: null, lowTokensPerSecond: null },
  ...{ computeFrom: 'run', sequentialBandwidth: null, randomBandwidth: null },
  ...{ reReadBytesPerToken: 0, unusedBytesPerToken: 0, busyNsPerToken: null },
};

function upgradedBound({ waitNsPerToken, ...kept }: Json): Json {
  return { ...absentBound, ...kept, remainderNsPerToken: waitNsPerToken ?? 0 };
}

type Files1 = NonNullable<Part['model']>;

interface Phase1 extends Pick<Part, 'startNs' | 'endNs' | 'tokens'> {
  reads: { count: number; bytes: number; uniqueBytes: number };
  writes?: { count: number; bytes: number };
  model: Omit<Files1, 'bytes'> | null;
  gaps: Part['gaps']['device'];
  demandGaps?: Part['gaps']['demand'];
  fileGaps?: Part['gaps']['file'];
  sizes?: Record<string, number>;
  marks?: number;
  walks?: number | null;
  latency?: Partial<Part['latency']>;
}

/** Schema 1, as far as it differs. */
interface Schema1 extends Pick<Part, 'reads' | 'writes' | 'sizes' | 'gaps'> {
  schema: 1;
  integrity: { complete: boolean; defects: string[] };
  latency: Partial<Part['latency']>;
  writeLatency?: Partial<Part['latency']>;
  queueDepthNs?: number[];
  readers?: Part['readers'];
  naive?: Part['naive'];
  timeline: Omit<Part['timeline'], 'meanDepth' | 'maxDepth'> & { meanDepth?: number[]; maxDepth?: number[] };
  model: (Files1 & Json) | null;
  phases?: Record<(typeof phaseNames)[number], Phase1 | null> | null;
  memory: { majorFaults: number | null } & Json;
  workload: Json | null;
  bound: Json | null;
  tracer: Json;
}

import type { NativeFigures, NativeSummary } from '../native/trace.js';
import { type DeviceFigures, derive, type Reader } from './figure.js';
import { accessFigures, derivedFigures, derivedFileFigures, type Part, phaseFigures } from './figures.js';

/** Where in time a part of a trace lies, and what is known of it besides. */
export interface PartSpan {
  startNs: bigint;
  endNs: bigint;
  /** Generated in it; null where that is not known. */
  tokens: number | null;
  /** See Part. */
  marks?: number | null;
  walks?: number | null;
  processes: NativeSummary['processes'];
  /** Names of the traced devices, as far as they are known. */
  devices: readonly { number: number; name: string }[];
}

/** What an analysis counted, in the numbers of summary.json: of a whole trace, live or saved, or of one of its phases. */
export function partOf(counted: NativeFigures, span: PartSpan): Part {
  const { startNs, endNs, tokens, marks = null, walks = null, processes, devices } = span;
  const { actions: _, files, allFiles, devices: moved, ...figures } = counted;
  return {
    ...plain(figures),
    startNs: Number(startNs),
    endNs: Number(endNs),
    tokens,
    marks,
    walks,
    devices: plain(moved).map((device) => named(device, devices)),
    readers: largestReaders(counted, processes),
    model: files.length === 0 ? null : allFiles, // split models are all their parts
  };
}

/** How a part's files were read, from an analysis of the reads that land in them alone (filesOnly). */
export function accessOf(counted: NativeFigures, span: PartSpan) {
  const part = partOf(counted, span);
  const { sizes, gaps, latency } = part;
  return {
    sizes: sizes.read,
    gaps: { device: gaps.device, demand: gaps.demand },
    latency,
    ...derive(accessFigures, part),
  };
}

export type Access = ReturnType<typeof accessOf>;

/**
 * All that is told of a part of a trace, counted and derived; what is told of a phase alone is not in it. `access`: null where
 * the reads of the files were not analysed by themselves.
 */
export function toldOf(part: Part, access: Access | null = null) {
  const { tokens: _, marks: __, walks: ___, model, ...counted } = part;
  const derived = derive(derivedFigures, part);
  return {
    ...counted,
    ...derived,
    reads: { ...counted.reads, ...derived.reads },
    writes: { ...counted.writes, ...derived.writes },
    model: model && { ...model, ...derive(derivedFileFigures, part), access },
  };
}

/** The same of a phase. */
export function toldOfPhase(part: Part, access: Access | null = null) {
  const { tokens, marks, walks } = part;
  const { bytesPerToken, bytesPerWalk } = phaseFigures;
  return { ...toldOf(part, access), tokens, marks, walks, ...derive({ bytesPerToken, bytesPerWalk }, part) };
}

/** Times and sectors as numbers, columns as arrays. */
type Plain<Value> = Value extends bigint
  ? number
  : Value extends Float64Array
    ? number[]
    : Value extends readonly (infer Item)[]
      ? Plain<Item>[]
      : Value extends object
        ? { [Key in keyof Value]: Plain<Value[Key]> }
        : Value;

function plain<Value>(value: Value): Plain<Value> {
  return plainOf(value) as Plain<Value>;
}

function plainOf(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Float64Array) return [...value];
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainOf(inner)]));
}

/** Without events a device has no figures, and is not listed. */
function named(device: Omit<DeviceFigures, 'name'>, devices: PartSpan['devices']): DeviceFigures {
  const { number, ...figures } = device;
  return { number, name: devices.find((traced) => traced.number === number)?.name ?? null, ...figures };
}

/** Processes that read least are left out of the summary; the table `io` has them all. */
const mostReaders = 100;

function largestReaders({ readers }: NativeFigures, { pids, names }: PartSpan['processes']): Reader[] {
  return readers
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, mostReaders)
    .map((reader) => ({ process: names[pids.indexOf(reader.pid)] ?? null, ...reader }));
}

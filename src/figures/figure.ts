import type {
  GapOrder,
  NaiveFigures,
  NativeDistribution,
  NativeGaps,
  NativeLatency,
} from '../native/trace.js';

/** The timeline of a trace: buckets of `bucketNs` from `startNs` on. */
export interface Timeline {
  bucketNs: number;
  startNs: number;
  readBytes: number[];
  readOps: number[];
  writeBytes: number[];
  writeOps: number[];
  /** Requests issued and not completed; null in summaries of schema 1 that do not tell. */
  meanDepth: number[] | null;
  maxDepth: number[] | null;
}

/** What a process read. */
export interface Reader {
  pid: number;
  process: string | null;
  reads: number;
  bytes: number;
  gaps: NativeGaps;
}

/** What one device moved, in one direction. */
export interface DeviceTransfer {
  count: number;
  bytes: number;
  errors: number;
  uniqueSectors: number;
}

/** What a traced device did. `layered`: it lies on another traced device, and sums leave it out. */
export interface DeviceFigures {
  number: number;
  /** null: not known, as of an import. */
  name: string | null;
  layered: boolean;
  reads: DeviceTransfer;
  writes: DeviceTransfer;
  order: GapOrder;
  gaps: NativeGaps | null;
  /** Left out: not told, as by older versions. */
  latency?: NativeLatency | undefined;
  writeLatency?: NativeLatency | undefined;
}

/** In what a figure is told, and so how it is checked and shown. */
export interface Units {
  count: number;
  bytes: number;
  /** Bytes as a mean, which need not be whole. */
  meanBytes: number;
  sectors: number;
  pages: number;
  KiB: number;
  ns: number;
  meanNs: number;
  /** 0 to 1. */
  share: number;
  factor: number;
  bytesPerSecond: number;
  perSecond: number;
  /** Any other number. */
  number: number;
  gaps: NativeGaps;
  distribution: NativeDistribution;
  /** Counts by size in bytes. */
  sizes: Record<string, number>;
  /** ns at each depth of the queue, from 0 on. */
  depths: number[];
  timeline: Timeline;
  readers: Reader[];
  devices: DeviceFigures[];
  /** At what gaps are taken. */
  order: GapOrder;
  naive: NaiveFigures;
}

export type Unit = keyof Units;

/** The declaration of one figure: the one place that says what it is and where it is told. */
export interface Declaration {
  unit: Unit;
  /** What it is, in words. */
  label: string;
  /** At which point of an I/O's life it is taken, or from what it follows. */
  at: string;
  /** Its row in `compare`. Of several figures of one name the first that is known is shown, there and below. */
  compare?: string;
  /** Its column in the report's table of phases. */
  phases?: string;
  /** Its column in the report's tables of regions. */
  regions?: string;
  /** Its line at the end of a section of the report. */
  section?: 'sizes';
  /** Its column in the store's table of phases, or of regions. */
  column?: string;
}

/** A figure of the summary: its label, its unit, and the point in an I/O's life at which it is taken. */
export interface Figure<Value = unknown> extends Declaration {
  /** Whether it is always known; else it may be null: not known from this trace. */
  known: boolean;
  /** Carries the type of the value; there is never one. */
  readonly value?: Value;
}

/** A figure that follows from others of the same part of a trace. */
export interface Derived<Part, Value = unknown> extends Figure<Value> {
  /** How it follows from the others. */
  of: (part: Part) => Value;
}

/** Figures by their keys in summary.json, with groups of figures under one key. */
export interface Figures {
  [key: string]: Figure | Figures;
}

/** The values of a list of figures, as summary.json has them. */
export type ValuesOf<List> = {
  -readonly [Key in keyof List]: List[Key] extends Figure<infer Value>
    ? Exclude<Value, undefined>
    : ValuesOf<List[Key]>;
};

type In<U extends Unit> = Declaration & { unit: U };

/** A figure that every trace tells. */
export function figure<U extends Unit>(declaration: In<U>): Figure<Units[U]> {
  return { ...declaration, known: true };
}

/** A figure that is null where the trace does not tell it. */
export function maybe<U extends Unit>(declaration: In<U>): Figure<Units[U] | null> {
  return { ...declaration, known: false };
}

/** Figures that follow from what was counted of a part of a trace: always, or where that tells it. */
export function derivedFrom<Part>() {
  return {
    derived: (declaration: Declaration & { of: (part: Part) => number }): Derived<Part, number> => ({
      ...declaration,
      known: true,
    }),
    maybeDerived: (
      declaration: Declaration & { of: (part: Part) => number | null },
    ): Derived<Part, number | null> => ({ ...declaration, known: false }),
  };
}

export function isFigure(entry: Figure | Figures): entry is Figure {
  return typeof entry.unit === 'string';
}

/** Two lists as one: groups that both have are joined. */
export function joined<A extends Figures, B extends Figures>(a: A, b: B): A & B {
  const all: Figures = { ...a };
  for (const [key, entry] of Object.entries(b)) {
    const before = all[key];
    all[key] = before && !isFigure(before) && !isFigure(entry) ? joined(before, entry) : entry;
  }
  return all as A & B;
}

/** The values of derived figures. */
export function derive<List extends Figures, Part>(list: List, part: Part): ValuesOf<List> {
  const values = Object.entries(list).map(([key, entry]) => [
    key,
    isFigure(entry) ? (entry as Derived<Part>).of(part) : derive(entry, part),
  ]);
  return Object.fromEntries(values) as ValuesOf<List>;
}

/** A list of which nothing is known. */
export function unknownOf<List extends Record<string, Figure>>(list: List): Record<keyof List, null> {
  return Object.fromEntries(Object.keys(list).map((key) => [key, null])) as Record<keyof List, null>;
}

/** A figure of a list with its key, dots between the groups: `reads.bytes`. */
export interface ListedFigure {
  key: string;
  figure: Figure;
}

/** All figures of lists, in their order. */
export function listed(list: Figures, group = ''): ListedFigure[] {
  return Object.entries(list).flatMap(([name, entry]) => {
    const key = group === '' ? name : `${group}.${name}`;
    return isFigure(entry) ? [{ key, figure: entry }] : listed(entry, key);
  });
}

/** The value under a key of a summary or a part of it; undefined where its group is not known. */
export function valueAt(values: unknown, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | null)?.[name], values);
}

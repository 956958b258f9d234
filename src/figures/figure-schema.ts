import * as z from 'zod';
import { gapClasses, gapOrders, type NativeLatency, stages } from '../native/trace.js';
import { type Figure, type Figures, isFigure, type Unit, type ValuesOf } from './figure.js';

const whole = z.number().int().nonnegative();
const number = z.number();
const numbers = z.array(number);

const gaps = z.object(
  Object.fromEntries(Object.keys(gapClasses).map((name) => [name, whole])) as Record<
    keyof typeof gapClasses,
    typeof whole
  >,
);

const distribution = z.object({
  count: whole,
  ...{ min: number, mean: number, p50: number, p90: number, p99: number, p999: number, max: number },
});

const timeline = z.object({
  bucketNs: whole,
  startNs: whole,
  ...{ readBytes: numbers, readOps: numbers, writeBytes: numbers, writeOps: numbers },
  ...{ meanDepth: numbers.nullable(), maxDepth: numbers.nullable() },
});

const reader = z.object({ pid: whole, process: z.string().nullable(), reads: whole, bytes: whole, gaps });

const transfer = z.object({ count: whole, bytes: whole, errors: whole, uniqueSectors: whole });

const order = z.enum(gapOrders);

const latencies = z.object(
  Object.fromEntries(Object.keys(stages).map((stage) => [stage, distribution.nullable()])),
) as unknown as z.ZodType<NativeLatency>;

const device = z.object({
  ...{ number: whole, name: z.string().nullable(), layered: z.boolean() },
  ...{ reads: transfer, writes: transfer, order, gaps: gaps.nullable() },
  /** Runs of older versions tell of all devices together alone. */
  ...{ latency: latencies.optional(), writeLatency: latencies.optional() },
});

const naive = z.object({ count: whole, bytes: whole, gaps, peakBytesPerSecond: whole });

const ofUnit: Record<Unit, z.ZodType> = {
  ...{ count: whole, bytes: whole, sectors: whole, pages: whole, KiB: whole, ns: whole },
  ...{ meanBytes: number, meanNs: number, share: number, factor: number },
  ...{ bytesPerSecond: number, perSecond: number, number },
  ...{ gaps, distribution, timeline, naive },
  sizes: z.record(z.string(), whole),
  depths: z.array(whole),
  readers: z.array(reader),
  devices: z.array(device),
  order,
};

const maybe = new Map<Unit, z.ZodType>();

type ShapeOf<List> = {
  [Key in keyof List]: z.ZodType<
    List[Key] extends Figure<infer Value> ? Exclude<Value, undefined> : ValuesOf<List[Key]>
  >;
};

/** What summary.json holds of a list of figures, key by key: for z.object. */
export function shapeOf<List extends Figures>(list: List): ShapeOf<List> {
  const shape = Object.entries(list).map(([key, entry]) => [key, schemaOf(entry)]);
  return Object.fromEntries(shape) as ShapeOf<List>;
}

function schemaOf(entry: Figure | Figures): z.ZodType {
  if (!isFigure(entry)) return z.object(shapeOf(entry));
  return entry.known ? ofUnit[entry.unit] : maybeOfUnit(entry.unit);
}

/** One for all figures of a unit: to make a schema takes longer than to check a figure with it. */
function maybeOfUnit(unit: Unit): z.ZodType {
  const known = maybe.get(unit);
  if (known) return known;
  const made = ofUnit[unit].nullable();
  maybe.set(unit, made);
  return made;
}

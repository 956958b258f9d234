import type { NativeBatch, NativeTracedBatch } from '../native/trace.js';
import { type Action, actionNames, type Direction, directionNames } from './names.js';

/** One event as a row. `sector` counts 512-byte sectors of the whole disk; `time` is ns on CLOCK_MONOTONIC. */
export interface BlockEvent {
  time: bigint;
  device: number;
  cpu: number;
  action: Action;
  direction: Direction;
  sector: bigint;
  sectors: number;
  pid: number;
  flags: number;
  /** errno of a failed completion, 0 for success. */
  error: number;
}

/** Columns of events in time order; a view of native memory, valid as long as it is referenced. */
export interface EventBatch extends NativeTracedBatch {
  /** Rows, made as they are asked for. */
  rows(): IterableIterator<BlockEvent>;
}

/** Adds the row view to a batch from the addon. */
export function eventBatch(columns: NativeTracedBatch): EventBatch {
  return Object.assign(columns, {
    *rows(): IterableIterator<BlockEvent> {
      for (let i = 0; i < columns.length; i++) yield rowAt(columns, i);
    },
  });
}

function rowAt(c: NativeBatch, i: number): BlockEvent {
  return {
    time: c.time[i] as bigint,
    device: c.device[i] as number,
    cpu: c.cpu[i] as number,
    action: actionNames[c.action[i] as number] as Action,
    direction: directionNames[c.direction[i] as number] as Direction,
    sector: c.sector[i] as bigint,
    sectors: (c.bytes[i] as number) >>> 9,
    pid: c.pid[i] as number,
    flags: c.flags[i] as number,
    error: c.error[i] as number,
  };
}

/** Looks at batches on their way to the store. */
export interface BatchConsumer {
  consume(batch: EventBatch): void;
}

/** Passes batches on, having shown each to the consumers. */
export async function* shownTo(
  consumers: readonly BatchConsumer[],
  batches: AsyncIterable<EventBatch>,
): AsyncGenerator<EventBatch, void, undefined> {
  for await (const batch of batches) {
    for (const consumer of consumers) consumer.consume(batch);
    yield batch;
  }
}

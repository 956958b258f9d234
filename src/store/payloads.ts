import type { DuckDBConnection } from '@duckdb/node-api';
import type { NativeBatch } from '../native/trace.js';
import type { Column } from './column-appender.js';
import type { EventColumns } from './stored-rows.js';

/** Actions that carry more than their sectors. */
const carrying = ['remap', 'split', 'unplug', 'unplugTimer'];

/** Rows of `event_payload`. */
export class Payloads {
  /** By action number. */
  readonly #carries: boolean[];

  constructor(actionNames: readonly string[]) {
    this.#carries = actionNames.map((name) => carrying.includes(name));
  }

  /** The rows of a batch whose first event is number `first` of the run. */
  of(batch: NativeBatch, first: number): { columns: Column[]; length: number } {
    const rows: number[] = [];
    for (let i = 0; i < batch.length; i++) {
      if (this.#carries[batch.action[i] as number]) rows.push(i);
    }
    const columns = [
      BigUint64Array.from(rows, (i) => BigInt(first + i)),
      Uint32Array.from(rows, (i) => batch.fromDevice[i] as number),
      BigUint64Array.from(rows, (i) => batch.payload[i] as bigint),
    ];
    return { columns, length: rows.length };
  }
}

/** Events with their payloads; sectors, devices and counts as in `NativeBatch`. */
export interface PayloadEvents extends EventColumns {
  payload: BigUint64Array;
  fromDevice: Uint32Array;
}

/** Adds the payloads to events in the order they were traced. A store of before they were kept gives 0 for each. */
export async function* withPayloads(
  events: AsyncIterable<EventColumns>,
  connection: DuckDBConnection,
): AsyncGenerator<PayloadEvents> {
  const rows = payloadRows(connection);
  let next = await rows.next();
  let first = 0;
  for await (const batch of events) {
    const payload = new BigUint64Array(batch.length);
    const fromDevice = new Uint32Array(batch.length);
    for (; !next.done && next.value.row < first + batch.length; next = await rows.next()) {
      payload[next.value.row - first] = next.value.payload;
      fromDevice[next.value.row - first] = next.value.fromDevice;
    }
    first += batch.length;
    yield { ...batch, payload, fromDevice };
  }
}

async function* payloadRows(
  connection: DuckDBConnection,
): AsyncGenerator<{ row: number; fromDevice: number; payload: bigint }> {
  const kept = await connection.runAndReadAll(
    `SELECT count(*)::INTEGER FROM duckdb_tables() WHERE table_name = 'event_payload'`,
  );
  if (kept.getRows()[0]?.[0] !== 1) return;
  const result = await connection.stream('SELECT row, "fromDevice", payload FROM event_payload ORDER BY row');
  for await (const rows of result.yieldRows()) {
    for (const [row, fromDevice, payload] of rows) {
      yield { row: Number(row), fromDevice: Number(fromDevice), payload: payload as bigint };
    }
  }
}

import type { DuckDBConnection } from '@duckdb/node-api';
import type { BlockEvent } from '../capture/batch.js';
import type { Direction } from '../capture/names.js';

/** An event as the store keeps it: as it was traced, and its process's name where that was seen. */
export interface StoredEvent extends BlockEvent {
  process: string | null;
}

/** A request. Times in ns on CLOCK_MONOTONIC, null where not seen; `fileOffset` in bytes, null outside the files. */
export interface StoredIo {
  device: number;
  direction: Direction;
  sector: bigint;
  sectors: number;
  queue: bigint | null;
  getrq: bigint | null;
  insert: bigint | null;
  issue: bigint | null;
  complete: bigint | null;
  pid: number;
  process: string | null;
  merges: number;
  error: number;
  fileOffset: bigint | null;
  tensor: string | null;
}

/** A tensor or one of its experts, its bytes, and what was read of it. Metadata and padding have no name. */
export interface StoredTensor {
  file: string;
  name: string | null;
  layer: number | null;
  role: string;
  expert: number | null;
  bytes: bigint;
  unique_bytes: bigint;
  read_bytes: bigint;
  /** 0 to 1. */
  coverage: number;
}

/** A token, and what was read of the whole disk since the token before; the first has all that came before it. */
export interface StoredToken {
  /** From 0. */
  index: number;
  /** When it was there: ns on CLOCK_MONOTONIC. */
  time: bigint;
  read_bytes: bigint;
  /** Reads that completed in that time. */
  reads: bigint;
}

/** A phase of the workload: `load`, `prompt` or `generation`. Its other figures are in `summary.phases`. */
export interface StoredPhase {
  name: string;
  /** Tokens that it made or, of a prompt, took in; null where the program does not tell. */
  tokens: number | null;
  /** ns on CLOCK_MONOTONIC. */
  start: bigint;
  end: bigint;
  /** Reads that completed in it, and their bytes; distinct bytes among them. */
  reads: bigint;
  readBytes: bigint;
  uniqueBytes: bigint;
}

/** Rows of a FROM clause, read as they are asked for; without an ORDER BY joins give them in any order. `Row` is the caller's promise of what its columns are. */
export async function* rowsOf<Row>(connection: DuckDBConnection, from: string): AsyncGenerator<Row> {
  const result = await connection.stream(`FROM ${from}`);
  for await (const rows of result.yieldRowObjectJs()) yield* rows as Row[];
}

/** Columns of `length` events, units as in `BlockEvent`; action and direction index the tracer's names. */
export interface EventColumns {
  length: number;
  time: BigUint64Array;
  device: Uint32Array;
  cpu: Uint16Array;
  action: Uint8Array;
  direction: Uint8Array;
  sector: BigUint64Array;
  sectors: Uint32Array;
  pid: Uint32Array;
  flags: Uint16Array;
  error: Uint16Array;
}

/** Batches of at most 2,048 events, each a copy of its own, in the order they were traced. */
export async function* eventColumns(connection: DuckDBConnection): AsyncGenerator<EventColumns> {
  const { default: duckdb } = await import('@duckdb/node-bindings');
  const result = await connection.stream(
    `SELECT time, device, cpu, enum_code(action), enum_code(direction), sector, sectors, pid, flags, error FROM event_row`,
  );
  for (
    let chunk = await result.fetchChunk();
    chunk && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  ) {
    const { rowCount: length, chunk: data } = chunk;
    const bytes = (column: number, width: number): ArrayBuffer => {
      const vector = duckdb.data_chunk_get_vector(data, column);
      return Uint8Array.from(duckdb.vector_get_data(vector, length * width)).buffer;
    };
    yield {
      length,
      time: new BigUint64Array(bytes(0, 8)),
      device: new Uint32Array(bytes(1, 4)),
      cpu: new Uint16Array(bytes(2, 2)),
      action: new Uint8Array(bytes(3, 1)),
      direction: new Uint8Array(bytes(4, 1)),
      sector: new BigUint64Array(bytes(5, 8)),
      sectors: new Uint32Array(bytes(6, 4)),
      pid: new Uint32Array(bytes(7, 4)),
      flags: new Uint16Array(bytes(8, 2)),
      error: new Uint16Array(bytes(9, 2)),
    };
  }
}

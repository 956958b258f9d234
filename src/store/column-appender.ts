import { type DuckDBAppender, DuckDBDataChunk, type DuckDBType } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';

export type Column = BigUint64Array | Uint32Array | Uint16Array | Uint8Array;

/**
 * Appends batches of columns to a table, a copy of memory for each column of a data chunk.
 *
 * The vector classes of @duckdb/node-api take one value at a time; the binding under them copies a whole column at
 * once, which is twice as fast over all.
 */
export class ColumnAppender {
  readonly #appender: DuckDBAppender;
  readonly #types: DuckDBType[];
  readonly #rowsPerChunk = duckdb.vector_size();

  constructor(appender: DuckDBAppender) {
    this.#appender = appender;
    this.#types = Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column));
  }

  /** `columns` in the table's order, with elements as wide as its types, all of `length` rows. */
  append(columns: readonly Column[], length: number): void {
    const chunk = DuckDBDataChunk.create(this.#types);
    for (let row = 0; row < length; row += this.#rowsPerChunk) {
      fill(chunk, columns, row, Math.min(this.#rowsPerChunk, length - row));
      this.#appender.appendDataChunk(chunk);
    }
  }

  close(): void {
    this.#appender.closeSync();
  }
}

/** Copies rows `from` to `from + rows` of every column into the chunk. */
function fill(chunk: DuckDBDataChunk, columns: readonly Column[], from: number, rows: number): void {
  chunk.reset();
  columns.forEach((column, index) => {
    const vector = duckdb.data_chunk_get_vector(chunk.chunk, index);
    const width = column.BYTES_PER_ELEMENT;
    const start = column.byteOffset + from * width;
    duckdb.copy_data_to_vector(vector, 0, column.buffer as ArrayBuffer, start, rows * width);
  });
  chunk.rowCount = rows;
}

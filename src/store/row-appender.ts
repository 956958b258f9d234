import { type DuckDBAppender, DuckDBDataChunk, type DuckDBType, type DuckDBValue } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';

const rowsPerChunk = duckdb.vector_size();

/**
 * Appends rows of any values to a table, a chunk of them at a time: value by value each is an object of its own in the
 * binding, which takes forty times as long and as much memory as all rows together.
 */
export class RowAppender {
  readonly #appender: DuckDBAppender;
  readonly #types: DuckDBType[];
  #rows: (readonly DuckDBValue[])[] = [];

  constructor(appender: DuckDBAppender) {
    this.#appender = appender;
    this.#types = Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column));
  }

  append(row: readonly DuckDBValue[]): void {
    this.#rows.push(row);
    if (this.#rows.length === rowsPerChunk) this.#flush();
  }

  close(): void {
    if (this.#rows.length > 0) this.#flush();
    this.#appender.closeSync();
  }

  #flush(): void {
    const chunk = DuckDBDataChunk.create(this.#types, this.#rows.length);
    chunk.setRows(this.#rows);
    this.#appender.appendDataChunk(chunk);
    this.#rows = [];
  }
}

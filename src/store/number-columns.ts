import type { DuckDBConnection } from '@duckdb/node-api';

interface ColumnTypes {
  BIGINT: BigUint64Array;
  INTEGER: Uint32Array;
}

type ColumnsOf<Types extends readonly (keyof ColumnTypes)[]> = {
  -readonly [Key in keyof Types]: ColumnTypes[Types[Key]];
};

/**
 * Rows of a query as columns of numbers, 2,048 rows at most at a time, in the query's order: for what looks at millions. That is the order of the
 * table only where the query has neither a join nor a subquery. Its columns have `types`, nothing below 0 and no nulls. Each batch is good until
 * the next is asked for.
 */
export async function* numberColumns<const Types extends readonly (keyof ColumnTypes)[]>(
  connection: DuckDBConnection,
  sql: string,
  types: Types,
): AsyncGenerator<ColumnsOf<Types>> {
  const { default: duckdb } = await import('@duckdb/node-bindings');
  const result = await connection.stream(sql);
  // DuckDB works on the next batch while this one is looked at.
  let next = result.fetchChunk();
  try {
    for (let chunk = await next; chunk && chunk.rowCount > 0; chunk = await next) {
      next = result.fetchChunk();
      next.catch(() => {}); // told when it is waited for
      const { rowCount: length, chunk: data } = chunk;
      yield types.map((type, column) => {
        const vector = duckdb.data_chunk_get_vector(data, column);
        const width = type === 'BIGINT' ? 8 : 4;
        const bytes = duckdb.vector_get_data(vector, length * width);
        const { buffer } = bytes.byteOffset % width === 0 ? bytes : Uint8Array.from(bytes);
        const offset = bytes.byteOffset % width === 0 ? bytes.byteOffset : 0;
        return type === 'BIGINT'
          ? new BigUint64Array(buffer, offset, length)
          : new Uint32Array(buffer, offset, length);
      }) as ColumnsOf<Types>;
    }
  } finally {
    // Of a caller that stops early: the connection must not be closed meanwhile.
    await next.catch(() => {});
  }
}

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';

/**
 * Opens a database. What its queries cannot hold in memory goes to a folder of their own in $TMPDIR, else /tmp, and not
 * beside the run, where DuckDB would put it and where there may be no room or no right to write.
 */
export async function openDatabase(
  path: string,
  options: Record<string, string> = {},
): Promise<DuckDBInstance> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  return DuckDBInstance.create(path, {
    temp_directory: join(tmpdir(), `blkscope-${process.pid}.spill`),
    ...options,
  });
}

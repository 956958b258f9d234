import type { DuckDBConnection } from '@duckdb/node-api';
import { quoted } from '../store/sql-text.js';

const matchedRequests = `
  SELECT device, direction, sector, sectors, issue AS start, complete AS stop, pid, error FROM io
  WHERE complete >= issue`;

const pairedRequests = `
  SELECT c.device, c.direction, c.sector, c.sectors, d.time AS start, c.time AS stop, d.pid, c.error
  FROM (FROM event_row WHERE action = 'complete' AND sectors > 0 AND flags & 288 = 0) c
  ASOF JOIN (FROM event_row WHERE action = 'issue' AND flags & 32 = 0) d
    ON c.device = d.device AND c.sector = d.sector AND c.direction = d.direction AND c.time >= d.time`;

/**
 * The run as the Chrome trace format's events, an object a line; Perfetto and chrome://tracing open it.
 *
 * A request is an asynchronous slice from issue to completion, since requests overlap; phases and tokens are slices of
 * two tracks of their own; bandwidth is a counter. `ts` is microseconds from the first event. Where requests were not
 * matched, a completion is paired with the last issue of its sector.
 * Format: "Trace Event Format", Google, 2016.
 */
const eventsSql = (requestSql: string) => `
WITH origin AS (SELECT least(min(time), (SELECT min(start) FROM phase)) AS zero FROM event_row),
request AS (${requestSql}),
numbered AS (SELECT *, row_number() OVER () AS id FROM request),
line AS (
  SELECT json_object('ph', 'M', 'name', 'process_name', 'pid', number, 'tid', 0,
                     'args', json_object('name', name)) AS event FROM device
  UNION ALL SELECT json_object('ph', 'M', 'name', 'process_name', 'pid', 1, 'tid', 0, 'args', json_object('name', 'workload'))
  UNION ALL SELECT json_object('ph', 'M', 'name', 'thread_name', 'pid', 1, 'tid', 1, 'args', json_object('name', 'phases'))
  UNION ALL SELECT json_object('ph', 'M', 'name', 'thread_name', 'pid', 1, 'tid', 2, 'args', json_object('name', 'tokens'))
  UNION ALL
  SELECT json_object('ph', 'b', 'cat', 'io', 'id', id::VARCHAR, 'name', direction, 'pid', device, 'tid', 0,
                     'ts', (start - zero) / 1000,
                     'args', json_object('sector', sector, 'bytes', sectors::UBIGINT * 512, 'pid', pid, 'error', error))
  FROM numbered, origin
  UNION ALL
  SELECT json_object('ph', 'e', 'cat', 'io', 'id', id::VARCHAR, 'name', direction, 'pid', device, 'tid', 0,
                     'ts', (stop - zero) / 1000)
  FROM numbered, origin
  UNION ALL
  SELECT json_object('ph', 'X', 'cat', 'phase', 'name', name, 'pid', 1, 'tid', 1,
                     'ts', (start - zero) / 1000, 'dur', ("end" - start) / 1000) FROM phase, origin
  UNION ALL
  SELECT json_object('ph', 'X', 'cat', 'token', 'name', 'token ' || index, 'pid', 1, 'tid', 2,
                     'ts', (since - zero) / 1000, 'dur', (time - since) / 1000)
  FROM (SELECT index, time, lag(time) OVER (ORDER BY time) AS since FROM token), origin WHERE since IS NOT NULL
  UNION ALL
  SELECT json_object('ph', 'C', 'name', 'bandwidth', 'pid', 1, 'tid', 0, 'ts', second * 1000000,
                     'args', json_object('read MB/s', read_bytes / 1e6, 'write MB/s', write_bytes / 1e6))
  FROM bandwidth
)
SELECT event::VARCHAR FROM line`;

/**
 * Writes the trace to a file, one JSON object whose events are a line each.
 *
 * The database writes it: a stream of this query to JavaScript never starts when there are more rows than its buffer
 * holds, since the parts of a UNION ALL then wait for each other (duckdb/duckdb#22215).
 */
export async function writeChromeTrace(connection: DuckDBConnection, path: string): Promise<void> {
  const matched = (await connection.runAndReadAll('FROM io_row LIMIT 1')).currentRowCount > 0;
  const sql = eventsSql(matched ? matchedRequests : pairedRequests);
  const frame = `PREFIX '{"displayTimeUnit":"ns","traceEvents":[\n', NEW_LINE ',\n', SUFFIX '\n]}\n'`;
  await connection.run(
    `COPY (${sql}) TO ${quoted(path)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '', ${frame})`,
  );
}

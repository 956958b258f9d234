import type { DuckDBConnection } from '@duckdb/node-api';
import type { Summary } from '../figures/summary-schema.js';
import { storedSchema } from '../store/attached-run.js';
import { quoted } from '../store/sql-text.js';

const matchedRequests = `
  SELECT device, direction, sector, sectors, issue AS start, complete AS stop, pid, process, error, "fileOffset",
         tensor || CASE WHEN expert IS NULL THEN '' ELSE ' expert ' || expert END AS tensor, layer, "tensorOffset"
  FROM io WHERE complete >= issue`;

const pairedRequests = `
  SELECT c.device, c.direction, c.sector, c.sectors, d.time AS start, c.time AS stop, d.pid, NULL AS process, c.error,
         NULL AS "fileOffset", NULL AS tensor, NULL AS layer, NULL AS "tensorOffset"
  FROM (FROM event_row WHERE action = 'complete' AND sectors > 0 AND flags & 288 = 0) c
  ASOF JOIN (FROM event_row WHERE action = 'issue' AND flags & 32 = 0) d
    ON c.device = d.device AND c.sector = d.sector AND c.direction = d.direction AND c.time >= d.time`;

/** Sampled metrics that are shown as they are, in MB. */
const levels = { modelCachedBytes: 'model cached', availableBytes: 'memory available' };

/** Those that count up: what each sample brought, in the unit a second; microseconds of a stall are a share of the time. */
const rates = {
  majorFaults: ['faults that waited', 1, '/s'],
  refaultedPages: ['pages refaulted', 1, '/s'],
  memoryStallSomeUs: ['stalled on memory', 1e-4, '%'],
  ioStallSomeUs: ['stalled on disks', 1e-4, '%'],
  cpuStallSomeUs: ['waited for a CPU', 1e-4, '%'],
  workloadReadBytes: ['read for the workload', 1e-6, 'MB/s'],
} as const;

const counter = (name: string, time: string, args: string) => `
  SELECT json_object('ph', 'C', 'name', '${name}', 'pid', 1, 'tid', 0, 'ts', ((${time}) - zero) / 1000,
                     'args', json_object(${args}))`;

const levelSql = Object.entries(levels).map(
  ([metric, name]) =>
    `${counter(name, 'time', `'MB', value / 1e6`)} FROM sample, origin WHERE metric = '${metric}'`,
);

const rateSql = Object.entries(rates).map(
  ([metric, [name, factor, unit]]) => `${counter(
    name,
    'before',
    `'${unit}', greatest(0, value - was) * ${factor} / ((time - before) / 1e9)`,
  )}
  FROM (SELECT time, value, lag(time) OVER (ORDER BY time) AS before, lag(value) OVER (ORDER BY time) AS was
        FROM sample WHERE metric = '${metric}'), origin WHERE time > before`,
);

/**
 * The run as the Chrome trace format's events, an object a line; Perfetto and chrome://tracing open it.
 *
 * A request is an asynchronous slice from issue to completion, since requests overlap, named by the tensor, of a stacked one
 * also the expert, in which it begins; its layer and its place in tensor and file are among its arguments; phases and tokens are slices of two tracks of their own. Counters have the buckets of the summary's timeline
 * (100 ms): what was read of the files and of the rest of the disk, and the depth of the queue; and the samples. `ts` is
 * microseconds from the first event. The timeline is not taken from the summary in the database, which is as long as the model has
 * regions: to look into 60 MB of JSON takes more memory than an export has. Where requests were not matched, a completion is paired with the last issue of its
 * sector. Format: "Trace Event Format", Google, 2016.
 */
const eventsSql = (requestSql: string, { startNs, bucketNs, meanDepth, readBytes }: Summary['timeline']) => `
WITH origin AS (SELECT least(min(time), (SELECT min(start) FROM phase)) AS zero FROM event_row),
request AS (${requestSql}),
numbered AS (SELECT *, row_number() OVER () AS id FROM request),
timeline AS (
  SELECT ${BigInt(Math.round(startNs))}::BIGINT AS start, ${bucketNs}::BIGINT AS bucket,
         ${meanDepth ? `[${meanDepth.join()}]` : 'NULL'}::DOUBLE[] AS depth, ${readBytes.length} AS buckets
),
slot AS (SELECT unnest(range(buckets)) AS slot, start, bucket, depth FROM timeline),
traced AS (SELECT number FROM ${storedSchema}.device ORDER BY rowid LIMIT 1),
moved AS (
  SELECT (c.time - start) // bucket AS slot, 512 * c.sectors::BIGINT AS bytes, c.direction,
         device = number AND c.sector < e.sector + e.sectors AS inside
  FROM completed c ASOF LEFT JOIN extent e ON c.sector >= e.sector LEFT JOIN traced ON true, timeline
),
bytes AS (
  SELECT slot, start, bucket, any_value(depth[slot + 1]) AS depth,
         coalesce(sum(bytes) FILTER (moved.direction = 'read' AND inside), 0) AS own,
         coalesce(sum(bytes) FILTER (moved.direction = 'read' AND inside IS NOT TRUE), 0) AS other,
         coalesce(sum(bytes) FILTER (moved.direction = 'write'), 0) AS written
  FROM slot LEFT JOIN moved USING (slot) GROUP BY slot, start, bucket
),
line AS (
  SELECT json_object('ph', 'M', 'name', 'process_name', 'pid', number, 'tid', 0,
                     'args', json_object('name', name)) AS event FROM device
  UNION ALL SELECT json_object('ph', 'M', 'name', 'process_name', 'pid', 1, 'tid', 0, 'args', json_object('name', 'workload'))
  UNION ALL SELECT json_object('ph', 'M', 'name', 'thread_name', 'pid', 1, 'tid', 1, 'args', json_object('name', 'phases'))
  UNION ALL SELECT json_object('ph', 'M', 'name', 'thread_name', 'pid', 1, 'tid', 2, 'args', json_object('name', 'tokens'))
  UNION ALL
  SELECT json_object('ph', 'b', 'cat', 'io', 'id', id::VARCHAR, 'name', coalesce(tensor, direction::VARCHAR), 'pid', device,
                     'tid', 0, 'ts', (start - zero) / 1000,
                     'args', json_object('direction', direction, 'sector', sector, 'bytes', sectors::BIGINT * 512,
                                         'file offset', "fileOffset", 'layer', layer, 'offset in tensor', "tensorOffset",
                                         'pid', pid, 'process', process, 'error', error))
  FROM numbered, origin
  UNION ALL
  SELECT json_object('ph', 'e', 'cat', 'io', 'id', id::VARCHAR, 'name', coalesce(tensor, direction::VARCHAR), 'pid', device,
                     'tid', 0, 'ts', (stop - zero) / 1000)
  FROM numbered, origin
  UNION ALL
  SELECT json_object('ph', 'X', 'cat', 'phase', 'name', name, 'pid', 1, 'tid', 1,
                     'ts', (start - zero) / 1000, 'dur', ("end" - start) / 1000) FROM phase, origin
  UNION ALL
  SELECT json_object('ph', 'X', 'cat', 'token', 'name', 'token ' || index, 'pid', 1, 'tid', 2,
                     'ts', (since - zero) / 1000, 'dur', (time - since) / 1000)
  FROM (SELECT index, time, lag(time) OVER (ORDER BY time) AS since FROM token), origin WHERE since IS NOT NULL
  UNION ALL ${counter(
    'bandwidth',
    'start + slot * bucket',
    `'read of the files MB/s', own * 1e3 / bucket, 'other reads MB/s', other * 1e3 / bucket,
                     'written MB/s', written * 1e3 / bucket`,
  )} FROM bytes, origin
  UNION ALL ${counter('requests in flight', 'start + slot * bucket', `'mean', coalesce(depth, 0)`)} FROM bytes, origin
  UNION ALL ${[...levelSql, ...rateSql].join(' UNION ALL ')}
)
SELECT event::VARCHAR FROM line`;

/**
 * Writes the trace to a file, one JSON object whose events are a line each.
 *
 * The database writes it: a stream of this query to JavaScript never starts when there are more rows than its buffer
 * holds, since the parts of a UNION ALL then wait for each other (duckdb/duckdb#22215).
 */
export async function writeChromeTrace(
  connection: DuckDBConnection,
  timeline: Summary['timeline'],
  path: string,
): Promise<void> {
  const matched = (await connection.runAndReadAll('FROM io_row LIMIT 1')).currentRowCount > 0;
  const sql = eventsSql(matched ? matchedRequests : pairedRequests, timeline);
  const frame = `PREFIX '{"displayTimeUnit":"ns","traceEvents":[\n', NEW_LINE ',\n', SUFFIX '\n]}\n'`;
  await connection.run(
    `COPY (${sql}) TO ${quoted(path)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '', ${frame})`,
  );
}

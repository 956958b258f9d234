import { touchMapSql } from './touch-map.js';

/**
 * Views for what people ask first. Like the summary, they take what was transferred at completion, errors left out,
 * and the order of access at issue (at completion for a device that tells of no issue).
 */
export const viewsSql = `
CREATE VIEW completed AS
  SELECT time, device, direction, sector, sectors FROM event_row
  WHERE action = 'complete' AND error = 0 AND sectors > 0;

CREATE VIEW bandwidth AS
  WITH bounds AS (SELECT min(time) AS start, max(time) AS stop FROM event_row),
  bucket AS (
    SELECT unnest(generate_series(0, ((stop - start) // 1_000_000_000)::BIGINT)) AS second FROM bounds WHERE start IS NOT NULL
  ),
  moved AS (
    SELECT ((time - start) // 1_000_000_000)::BIGINT AS second, direction, 512 * sectors::UBIGINT AS bytes
    FROM completed, bounds
  )
  SELECT second,
         coalesce(sum(bytes) FILTER (direction = 'read'), 0)::UBIGINT AS read_bytes,
         count(*) FILTER (direction = 'read') AS reads,
         coalesce(sum(bytes) FILTER (direction = 'write'), 0)::UBIGINT AS write_bytes,
         count(*) FILTER (direction = 'write') AS writes
  FROM bucket LEFT JOIN moved USING (second) GROUP BY second ORDER BY second;

CREATE VIEW gap AS
  WITH issuing AS (SELECT DISTINCT device FROM event_row WHERE action = 'issue'),
  ordered AS (
    SELECT time, device, direction, sector, sectors,
           lag(sector + sectors) OVER (PARTITION BY device, direction ORDER BY time, rowid) AS before
    FROM event_row
    WHERE sectors > 0 AND action = CASE WHEN device IN (FROM issuing) THEN 'issue' ELSE 'complete' END
  ),
  measured AS (SELECT *, sector::BIGINT - before::BIGINT AS gap FROM ordered WHERE before IS NOT NULL)
  SELECT time, device, direction, gap,
         CASE WHEN gap < 0 THEN 'backward' WHEN gap = 0 THEN 'sequential' WHEN gap < 256 THEN 'small'
              WHEN gap < 2048 THEN 'medium' ELSE 'large' END AS class
  FROM measured;

-- A time of 0 was not seen; a span has both its ends. As in the summary, failed requests have none.
CREATE VIEW latency AS
  WITH times AS (
    SELECT direction, nullif(queue, 0) AS q, nullif(getrq, 0) AS g, nullif(insert, 0) AS i, nullif(issue, 0) AS d, complete AS c
    FROM io_row WHERE error = 0
  ),
  spans AS (
    SELECT direction, 'q2c' AS span, c - q AS ns FROM times WHERE c >= q
    UNION ALL SELECT direction, 'q2d', d - q FROM times WHERE d >= q
    UNION ALL SELECT direction, 'd2c', c - d FROM times WHERE c >= d
    UNION ALL SELECT direction, 'q2g', g - q FROM times WHERE g >= q
    UNION ALL SELECT direction, 'g2i', i - g FROM times WHERE i >= g
    UNION ALL SELECT direction, 'i2d', d - i FROM times WHERE d >= i
  )
  SELECT direction, span, count(*) AS count, min(ns) AS min, avg(ns) AS mean, quantile_disc(ns, 0.5) AS p50,
         quantile_disc(ns, 0.9) AS p90, quantile_disc(ns, 0.99) AS p99, quantile_disc(ns, 0.999) AS p999, max(ns) AS max
  FROM spans GROUP BY ALL ORDER BY ALL;

CREATE VIEW read_range AS
  WITH reached AS (
    SELECT device, sector, sector + sectors AS stop,
           max(sector + sectors) OVER (PARTITION BY device ORDER BY sector, sectors
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM completed WHERE direction = 'read'
  ),
  numbered AS (
    SELECT *, sum((before IS NULL OR sector > before)::INTEGER)
                OVER (PARTITION BY device ORDER BY sector, stop ROWS UNBOUNDED PRECEDING) AS island
    FROM reached
  )
  SELECT device, min(sector) AS sector, (max(stop) - min(sector))::UBIGINT AS sectors
  FROM numbered GROUP BY device, island;

-- Three ways to one figure: they must agree. The last expands every sector and is meant for small traces.
CREATE VIEW unique_sectors AS
  SELECT 'native' AS method, (summary->>'$.reads.uniqueSectors')::UBIGINT AS sectors FROM run
  UNION ALL SELECT 'merged', coalesce(sum(sectors), 0)::UBIGINT FROM read_range
  UNION ALL SELECT 'series', count(*)::UBIGINT FROM (
    SELECT DISTINCT device, unnest(generate_series(sector::BIGINT, (sector + sectors)::BIGINT - 1)) FROM completed
    WHERE direction = 'read'
  );

CREATE VIEW reread AS
  WITH edge AS (
    SELECT device, sector AS border, 1 AS step FROM completed WHERE direction = 'read'
    UNION ALL SELECT device, sector + sectors, -1 FROM completed WHERE direction = 'read'
  ),
  depth AS (
    SELECT device, border, lead(border) OVER (PARTITION BY device ORDER BY border) AS next,
           sum(step) OVER (PARTITION BY device ORDER BY border ROWS UNBOUNDED PRECEDING) AS times
    FROM (SELECT device, border, sum(step) AS step FROM edge GROUP BY device, border)
  )
  SELECT times::UINTEGER AS times, sum(next - border)::UBIGINT AS sectors
  FROM depth WHERE times > 0 GROUP BY times ORDER BY times;

-- Where on the disk each tensor lies: its bytes cut by the file's extents.
CREATE VIEW tensor_place AS
  SELECT t.file, t.name, t.layer, t.role, t.expert,
         512 * e.sector + greatest(t."fileOffset", e."fileOffset") - e."fileOffset" AS start,
         512 * e.sector + least(t."fileOffset" + t.bytes, e."fileOffset" + 512 * e.sectors) - e."fileOffset" AS stop
  FROM tensor t JOIN extent e ON e.file = t.file AND e."fileOffset" < t."fileOffset" + t.bytes
                             AND t."fileOffset" < e."fileOffset" + 512 * e.sectors;

-- Files lie on the first device. Unique bytes come from the merged ranges, all bytes from the reads themselves.
CREATE VIEW tensor_coverage AS
  WITH traced AS (SELECT number FROM device ORDER BY rowid LIMIT 1),
  met AS (
    SELECT 'unique' AS kind, p.*, least(stop, 512 * (sector + sectors)) - greatest(start, 512 * sector) AS bytes
    FROM tensor_place p JOIN read_range r ON 512 * sector < stop AND start < 512 * (sector + sectors)
    WHERE device IN (FROM traced)
    UNION ALL
    SELECT 'all', p.*, least(stop, 512 * (sector + sectors)) - greatest(start, 512 * sector)
    FROM tensor_place p JOIN completed r ON 512 * sector < stop AND start < 512 * (sector + sectors)
    WHERE r.direction = 'read' AND device IN (FROM traced)
  ),
  covered AS (
    SELECT file, name, layer, role, expert, sum(bytes) FILTER (kind = 'unique') AS unique_bytes,
           sum(bytes) FILTER (kind = 'all') AS read_bytes
    FROM met GROUP BY ALL
  ),
  sized AS (SELECT file, name, layer, role, expert, min("fileOffset") AS first, sum(bytes) AS bytes FROM tensor GROUP BY ALL)
  SELECT s.file, s.name, s.layer, s.role, s.expert, s.bytes::UBIGINT AS bytes,
         coalesce(c.unique_bytes, 0)::UBIGINT AS unique_bytes, coalesce(c.read_bytes, 0)::UBIGINT AS read_bytes,
         coalesce(c.unique_bytes, 0) / s.bytes AS coverage
  FROM sized s LEFT JOIN covered c ON c.file = s.file AND c.role = s.role AND c.name IS NOT DISTINCT FROM s.name
    AND c.layer IS NOT DISTINCT FROM s.layer AND c.expert IS NOT DISTINCT FROM s.expert
  ORDER BY s.file, s.first;

-- Bytes that completed between the token before and this one, whole disk.
CREATE VIEW token_bytes AS
  WITH span AS (SELECT index, time, coalesce(lag(time) OVER (ORDER BY time), 0) AS after FROM token)
  SELECT index, span.time, coalesce(sum(512 * sectors::UBIGINT), 0)::UBIGINT AS read_bytes, count(sectors) AS reads
  FROM span LEFT JOIN completed c ON c.time > span.after AND c.time <= span.time AND c.direction = 'read'
  GROUP BY index, span.time ORDER BY span.time;
${touchMapSql}`;

/** The views' names, for reading many runs at once. */
export const views = [
  'completed',
  'bandwidth',
  'gap',
  'latency',
  'read_range',
  'unique_sectors',
  'reread',
  'tensor_place',
  'tensor_coverage',
  'token_bytes',
  'touch_map',
] as const;

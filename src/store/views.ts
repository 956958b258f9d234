import { gapClasses, stages } from '../native/trace.js';
import { either, type Relation } from './schema.js';

/** A time of `io_row`, null where it was not seen: the core's largest number, which is -1 where numbers are signed. */
/** Of the tensor that begins before a read, where the read begins in it. */
const within = (value: string) =>
  `CASE WHEN located."fileOffset" < tensor."fileOffset" + tensor.bytes THEN ${value} END`;

const seen = (column: string) => `nullif(${column}, -1)`;

/** Of devices that lie on no other traced one: what a sum over devices is of. */
export const lowest = 'device NOT IN (SELECT number FROM device WHERE layered)';

const timesSeen = ['queue', 'getrq', 'insert', 'issue'].map((name) => `${seen(name)} AS ${name}`).join(', ');

/** Of a merge no request tells: it is a bio's. */
const requestStages = Object.entries(stages).filter(([, { to }]) => to !== 'merge');

/** A time before another may bear a later stamp, of another processor's clock: that span is 0, as in the summary. */
const spans = (of: string) =>
  requestStages
    .map(
      ([stage, { from, to }]) =>
        `SELECT ${of}, '${stage}' AS span, greatest(${to} - ${from}, 0) AS ns FROM times WHERE ${to} IS NOT NULL AND ${from} IS NOT NULL`,
    )
    .join('\n    UNION ALL ');

const distribution = `count(*) AS count, min(ns) AS min, avg(ns) AS mean, quantile_disc(ns, 0.5) AS p50,
         quantile_disc(ns, 0.9) AS p90, quantile_disc(ns, 0.99) AS p99, quantile_disc(ns, 0.999) AS p999, max(ns) AS max`;

const distributionColumns = {
  count: 'how many requests',
  ...{ min: 'ns', mean: 'ns', p50: 'ns', p90: 'ns', p99: 'ns', p999: 'ns', max: 'ns' },
};

const gapClass = `CASE ${Object.entries(gapClasses)
  .toSorted(([, a], [, b]) => a.below - b.below)
  .map(([name, { below }]) =>
    Number.isFinite(below) ? `WHEN gap < ${below} THEN '${name}'` : `ELSE '${name}' END`,
  )
  .join(' ')}`;

/** A view: its columns with their meaning, and the query that it is. */
interface View extends Relation<string> {
  sql: string;
}

/**
 * Views for what people ask first; the tables of docs/store.md are made from this list. Like the summary, they take
 * what was transferred at completion, errors left out, and the order of access at the first issue (at completion for
 * a device that tells of no issue). Passthrough commands (flag 32) have no place on the disk and are in none; a surplus
 * completion (256) is no I/O, and an issue or Q whose completion bears an earlier time (512) ends one. An issue that repeats
 * one that the driver gave back (1024) has no place in the order.
 *
 * `event` and `io` put names to what `event_row` and `io_row` hold as numbers: a process has one name in a run, so
 * names are stored once a process, and where a request falls in a file follows from its sector.
 */
export const viewList = {
  event: {
    row: 'an event, in order of time',
    columns: {
      time: 'ns',
      device: "the device's number",
      cpu: 'the processor that told it',
      action: 'what happened',
      direction: 'none, read, write, discard or flush',
      sector: "the first sector, from the disk's start",
      sectors: 'how many',
      pid: 'the process that was running',
      process: 'its name',
      flags: 'the kinds of the I/O, as bits',
      error: 'errno; 0 for success',
    },
    sql: `
  SELECT time, device, cpu, action, direction, sector, sectors, pid, process.name AS process, flags, error
  FROM event_row LEFT JOIN process USING (pid)`,
  },
  io: {
    row: 'a request, in order of completion',
    columns: {
      device: "the device's number",
      direction: 'read, write, discard, flush or none',
      sector: "the first sector, from the disk's start",
      sectors: 'how many',
      queue: 'when its first bio was queued, ns; null where not seen, as for the times below',
      getrq: 'when it got a request',
      insert: 'when it was inserted',
      issue: 'when it was last issued',
      complete: 'when it completed',
      pid: 'the process that queued it; without Q the one that issued it',
      process: 'its name',
      merges: 'bios that joined it',
      error: 'errno; 0 for success',
      fileOffset:
        "bytes from the file's start; null outside the files; where files share sectors, in one of them",
      tensor: 'the tensor in which it begins',
      layer: 'its layer; null outside layers',
      expert: 'of a stacked tensor the expert in which it begins',
      tensorOffset: "bytes from the start of this tensor, or of its expert's part",
    },
    sql: `
  WITH traced AS (SELECT number FROM device ORDER BY rowid LIMIT 1),
  reached AS (
    SELECT *, coalesce(max(sector + sectors) OVER (ORDER BY sector, file, "fileOffset"
                                                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS reach
    FROM extent
  ),
  placed AS (
    SELECT file, greatest(sector, reach) AS first, sector + sectors AS stop, "fileOffset", sector AS begins
    FROM reached WHERE sector + sectors > reach
  ),
  located AS (
    SELECT io_row.*, file, CASE WHEN io_row.device = number AND io_row.sector < stop
                                THEN placed."fileOffset" + 512 * (io_row.sector - begins) END AS "fileOffset"
    FROM io_row ASOF LEFT JOIN placed ON io_row.sector >= placed.first LEFT JOIN traced ON true
  )
  SELECT device, direction, sector, sectors, ${seen('queue')} AS queue, ${seen('getrq')} AS getrq,
         ${seen('"insert"')} AS "insert", ${seen('issue')} AS issue, ${seen('complete')} AS complete,
         pid, process.name AS process, merges, error, located."fileOffset",
         ${within('tensor.name')} AS tensor, ${within('tensor.layer')} AS layer, ${within('tensor.expert')} AS expert,
         ${within('located."fileOffset" - tensor."fileOffset"')} AS "tensorOffset"
  FROM located
  ASOF LEFT JOIN tensor ON located.file = tensor.file AND located."fileOffset" >= tensor."fileOffset"
  LEFT JOIN process USING (pid)`,
  },
  completed: {
    row: 'a completion that the other views count: without failed ones and passthrough commands',
    columns: {
      time: 'ns',
      device: "the device's number",
      direction: 'read, write, discard, flush or none',
      sector: "the first sector, from the disk's start",
      sectors: 'how many',
    },
    sql: `
  SELECT time, device, direction, sector, sectors FROM event_row
  WHERE ((action = 'complete' AND flags & 288 = 0) OR flags & 512 > 0)
    AND error = 0 AND sectors > 0`,
  },
  bandwidth: {
    row: 'a second, from the first event on; a second without transfers is a row of zeros',
    columns: {
      second: 'its number, from 0',
      read_bytes: 'bytes read in it',
      reads: 'reads that completed in it',
      write_bytes: 'bytes written in it',
      writes: 'writes that completed in it',
    },
    sql: `
  WITH bounds AS (SELECT min(time) AS start, max(time) AS stop FROM event_row),
  bucket AS (
    SELECT unnest(generate_series(0, ((stop - start) // 1_000_000_000)::BIGINT)) AS second FROM bounds WHERE start IS NOT NULL
  ),
  moved AS (
    SELECT ((time - start) // 1_000_000_000)::BIGINT AS second, direction, 512 * sectors::BIGINT AS bytes
    FROM completed, bounds WHERE ${lowest}
  )
  SELECT second,
         coalesce(sum(bytes) FILTER (direction = 'read'), 0)::BIGINT AS read_bytes,
         count(*) FILTER (direction = 'read') AS reads,
         coalesce(sum(bytes) FILTER (direction = 'write'), 0)::BIGINT AS write_bytes,
         count(*) FILTER (direction = 'write') AS writes
  FROM bucket LEFT JOIN moved USING (second) GROUP BY second ORDER BY second`,
  },
  // An issue that repeats one (1024) has no place in the order. Traces of older versions bear no such mark: in these a requeue makes
  // the next issue of its sector a repeat, and an issue is a first one if its sector never had so many more issues than
  // requeues before. How many there are the summary tells. A damaged record may name a sector that no disk has, and a gap to it has
  // no number.
  gap: {
    row: 'an I/O that has another before it in the same direction on the same device, in order of first issue (where a device tells of none in order of queueing, else of completion)',
    columns: {
      time: 'ns',
      device: "the device's number",
      direction: 'as of the events',
      gap: 'the start of this I/O minus the end of the one before, in sectors',
      class: `${either(Object.keys(gapClasses))}; see metrics.md`,
    },
    sql: `
  WITH moving AS (
    SELECT *, rowid AS id FROM event_row WHERE sectors > 0 AND flags & 288 = 0 AND (action <> 'complete' OR error = 0)
  ),
  issuing AS (
    SELECT DISTINCT device FROM moving WHERE action = 'issue' AND direction IN ('read', 'write')
  ),
  ordering AS (
    SELECT device, direction, CASE WHEN device IN (FROM issuing) THEN 'issue' WHEN bool_or(action = 'queue') THEN 'queue'
                                   ELSE 'complete' END AS point
    FROM moving GROUP BY device, direction
  ),
  unmarked AS (
    SELECT 1 FROM run WHERE coalesce((summary->>'$.requests.requeues')::BIGINT, 1) > (SELECT count(*) FROM event_row WHERE flags & 1024 > 0)
  ),
  balance AS (
    SELECT rowid AS id, device, direction, sector, time, action,
           sum(CASE action WHEN 'issue' THEN 1 ELSE -1 END)
             OVER (PARTITION BY device, direction, sector ORDER BY time, rowid ROWS UNBOUNDED PRECEDING) AS issues
    FROM event_row
    WHERE EXISTS (FROM unmarked) AND action IN ('issue', 'requeue') AND flags & 32 = 0
      AND (device, sector) IN (SELECT (device, sector) FROM event_row WHERE action = 'requeue')
  ),
  repeated AS (
    SELECT id FROM (
      SELECT id, action, issues, max(issues) OVER (PARTITION BY device, direction, sector ORDER BY time, id
                                                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS most
      FROM balance
    ) WHERE action = 'issue' AND issues <= greatest(0, most)
  ),
  ordered AS (
    SELECT time, device, direction, sector, sectors,
           lag(sector::HUGEINT + sectors) OVER (PARTITION BY device, direction ORDER BY time, id) AS before
    FROM moving JOIN ordering USING (device, direction)
    WHERE action = point AND flags & 1024 = 0 AND id NOT IN (FROM repeated)
  ),
  measured AS (SELECT *, coalesce(TRY_CAST(sector - before AS BIGINT), sector) AS gap FROM ordered WHERE before IS NOT NULL)
  SELECT time, device, direction, gap,
         ${gapClass} AS class
  FROM measured`,
  },
  // A span has both its ends. As in the summary, failed requests have none.
  latency: {
    row: 'a direction and a stage, of requests that did not fail and have both actions in the trace',
    columns: {
      direction: 'read or write',
      span: either(requestStages.map(([stage]) => stage)),
      ...distributionColumns,
    },
    sql: `
  WITH times AS (
    SELECT direction, ${timesSeen}, complete FROM io_row WHERE error = 0 AND ${lowest}
  ),
  spans AS (
    ${spans('direction')}
  )
  SELECT direction, span, ${distribution} FROM spans GROUP BY ALL ORDER BY ALL`,
  },
  device_latency: {
    row: 'a device, a direction and a stage, as in `latency`; also of devices that lie on other traced ones',
    columns: {
      device: "the device's number",
      direction: 'read or write',
      span: either(requestStages.map(([stage]) => stage)),
      ...distributionColumns,
    },
    sql: `
  WITH times AS (
    SELECT device, direction, ${timesSeen}, complete FROM io_row WHERE error = 0
  ),
  spans AS (
    ${spans('device, direction')}
  )
  SELECT device, direction, span, ${distribution} FROM spans GROUP BY ALL ORDER BY ALL`,
  },
  // One row a beginning: of equal ones the two windows might not agree which comes first.
  read_range: {
    row: 'a range of sectors that were read; ranges neither overlap nor touch',
    columns: {
      device: "the device's number",
      sector: 'where it begins',
      sectors: 'how long it is',
    },
    sql: `
  WITH longest AS (
    SELECT device, sector, max(sector + sectors) AS stop FROM completed WHERE direction = 'read' GROUP BY device, sector
  ),
  reached AS (
    SELECT *, max(stop) OVER (PARTITION BY device ORDER BY sector ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM longest
  ),
  numbered AS (
    SELECT *, sum((before IS NULL OR sector > before)::INTEGER)
                OVER (PARTITION BY device ORDER BY sector ROWS UNBOUNDED PRECEDING) AS island
    FROM reached
  )
  SELECT device, min(sector) AS sector, (max(stop) - min(sector))::BIGINT AS sectors
  FROM numbered GROUP BY device, island`,
  },
  // Three ways to one figure: they must agree. The last expands every sector and is meant for small traces.
  unique_sectors: {
    row: 'a way to count unique sectors; the three are equal',
    columns: {
      method:
        "native: blkscope's own count; merged: from read_range; series: every sector as a row, for small traces",
      sectors: 'the count',
    },
    sql: `
  SELECT 'native' AS method, (summary->>'$.reads.uniqueSectors')::BIGINT AS sectors FROM run
  UNION ALL SELECT 'merged', coalesce(sum(sectors), 0)::BIGINT FROM read_range WHERE ${lowest}
  UNION ALL SELECT 'series', count(*)::BIGINT FROM (
    SELECT DISTINCT device, unnest(generate_series(sector::BIGINT, (sector + sectors)::BIGINT - 1)) FROM completed
    WHERE direction = 'read' AND ${lowest}
  )`,
  },
  reread: {
    row: 'a number of times',
    columns: {
      times: 'how often',
      sectors: 'how many sectors were read this number of times',
    },
    sql: `
  WITH edge AS (
    SELECT device, sector AS border, 1 AS step FROM completed WHERE direction = 'read' AND ${lowest}
    UNION ALL SELECT device, sector + sectors, -1 FROM completed WHERE direction = 'read' AND ${lowest}
  ),
  depth AS (
    SELECT device, border, lead(border) OVER (PARTITION BY device ORDER BY border) AS next,
           sum(step) OVER (PARTITION BY device ORDER BY border ROWS UNBOUNDED PRECEDING) AS times
    FROM (SELECT device, border, sum(step) AS step FROM edge GROUP BY device, border)
  )
  SELECT times::INTEGER AS times, sum(next - border)::BIGINT AS sectors
  FROM depth WHERE times > 0 GROUP BY times ORDER BY times`,
  },
  // Where on the disk each tensor lies: its bytes cut by the file's extents. Each file is cut wherever one of both begins or ends.
  tensor_place: {
    row: 'a piece of a tensor on the disk',
    columns: {
      file: 'the file that holds the tensor',
      name: "the tensor's name",
      layer: 'its layer',
      role: 'its role',
      expert: 'its expert',
      start: "bytes from the disk's start",
      stop: "where it ends, in bytes from the disk's start",
    },
    sql: `
  WITH cut AS (
    SELECT file, "fileOffset" AS place FROM tensor UNION SELECT file, "fileOffset" + bytes FROM tensor
    UNION SELECT file, "fileOffset" FROM extent UNION SELECT file, "fileOffset" + 512 * sectors FROM extent
  ),
  piece AS (SELECT file, place, lead(place) OVER (PARTITION BY file ORDER BY place) AS next FROM cut)
  SELECT t.file, t.name, t.layer, t.role, t.expert,
         512 * e.sector + p.place - e."fileOffset" AS start, 512 * e.sector + p.next - e."fileOffset" AS stop
  FROM piece p ASOF JOIN tensor t ON p.file = t.file AND p.place >= t."fileOffset"
  ASOF JOIN extent e ON p.file = e.file AND p.place >= e."fileOffset"
  WHERE p.place < t."fileOffset" + t.bytes AND p.place < e."fileOffset" + 512 * e.sectors`,
  },
  // Files lie on the first device. How many bytes were read before a place on the disk, and before where a tensor ends, tells how many were
  // read of it: pairs of reads and tensors would be as many as both together multiply to.
  tensor_coverage: {
    row: 'a tensor, or one expert of it',
    columns: {
      file: 'the file that holds it',
      name: 'its name',
      layer: 'its layer',
      role: 'its role',
      expert: 'its expert',
      bytes: 'its size',
      unique_bytes: 'bytes of it that were read at least once',
      read_bytes: 'bytes of it that were read',
      coverage: 'unique_bytes / bytes, 0 to 1',
    },
    sql: `
  WITH traced AS (SELECT number FROM device ORDER BY rowid LIMIT 1),
  own AS (
    SELECT 512::HUGEINT * sector AS start, 512::HUGEINT * (sector + sectors) AS stop FROM completed
    WHERE direction = 'read' AND device IN (FROM traced)
  ),
  edge AS (SELECT start AS border, 1 AS step FROM own UNION ALL SELECT stop, -1 FROM own),
  depth AS (
    SELECT border, lead(border) OVER (ORDER BY border) - border AS length,
           sum(step) OVER (ORDER BY border ROWS UNBOUNDED PRECEDING) AS times
    FROM (SELECT border, sum(step) AS step FROM edge GROUP BY border)
  ),
  area AS (
    SELECT border, times, (times > 0)::INTEGER AS once,
           coalesce(sum(times * length) OVER past, 0) AS bytes, coalesce(sum(length) FILTER (times > 0) OVER past, 0) AS unique_bytes
    FROM depth WINDOW past AS (ORDER BY border ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
  ),
  met AS (
    SELECT p.*, coalesce(z.bytes + z.times * (p.stop - z.border), 0) - coalesce(a.bytes + a.times * (p.start - a.border), 0) AS bytes,
           coalesce(z.unique_bytes + z.once * (p.stop - z.border), 0)
             - coalesce(a.unique_bytes + a.once * (p.start - a.border), 0) AS unique_bytes
    FROM tensor_place p ASOF LEFT JOIN area a ON p.start >= a.border ASOF LEFT JOIN area z ON p.stop >= z.border
  ),
  covered AS (
    SELECT file, name, layer, role, expert, sum(unique_bytes) AS unique_bytes, sum(bytes) AS read_bytes
    FROM met GROUP BY ALL
  ),
  sized AS (SELECT file, name, layer, role, expert, min("fileOffset") AS first, sum(bytes) AS bytes FROM tensor GROUP BY ALL)
  SELECT s.file, s.name, s.layer, s.role, s.expert, s.bytes::BIGINT AS bytes,
         coalesce(c.unique_bytes, 0)::BIGINT AS unique_bytes, coalesce(c.read_bytes, 0)::BIGINT AS read_bytes,
         coalesce(c.unique_bytes, 0) / s.bytes AS coverage
  FROM sized s LEFT JOIN covered c ON c.file = s.file AND c.role = s.role AND c.name IS NOT DISTINCT FROM s.name
    AND c.layer IS NOT DISTINCT FROM s.layer AND c.expert IS NOT DISTINCT FROM s.expert
  ORDER BY s.file, s.first`,
  },
  // Bytes that completed between the token before and this one, whole disk.
  token_bytes: {
    row: 'a token',
    columns: {
      index: 'its number, from 0',
      time: 'when it was there, ns',
      read_bytes:
        'bytes that were read of the whole disk since the token before; the first token has everything before it',
      reads: 'reads that completed in that time',
    },
    sql: `
  WITH moment AS (SELECT time, min(index) AS first FROM token GROUP BY time),
  moved AS (
    SELECT moment.first AS index, sum(512 * sectors::BIGINT)::BIGINT AS read_bytes, count(*) AS reads
    FROM (FROM completed WHERE direction = 'read' AND ${lowest}) c ASOF JOIN moment ON c.time <= moment.time
    GROUP BY moment.first
  )
  SELECT index, time, coalesce(read_bytes, 0) AS read_bytes, coalesce(reads, 0) AS reads
  FROM token LEFT JOIN moved USING (index) ORDER BY time, index`,
  },
  // The same share as in heat/token-experts.ts. Biases are a page or less: reading one tells nothing of its expert.
  expert_touch: {
    row: 'a token and an expert that it used: more than half of its weights were used, or without `--touches` read, for the token. Of reads there are fewer than uses where memory held some, and more where readahead brought in experts that no token used',
    columns: {
      token: 'the token, by its number in `token`',
      layer: 'the layer',
      expert: 'its expert',
      share: "of the expert's weights what was used or read, 0 to 1; biases are left out",
    },
    sql: `
  WITH weights AS (
    SELECT file, "fileOffset", layer, expert, bytes, sum(bytes) OVER (PARTITION BY file, stack, layer, expert) AS whole
    FROM tensor WHERE expert IS NOT NULL AND name NOT LIKE '%.bias'
  )
  SELECT token, layer, expert, sum(touch.bytes) / any_value(whole) AS share
  FROM touch JOIN weights USING (file, "fileOffset")
  WHERE token IS NOT NULL
    AND source = CASE WHEN EXISTS (FROM touch WHERE source = 'faults') THEN 'faults' ELSE 'trace' END
  GROUP BY token, layer, expert, whole HAVING sum(touch.bytes) > any_value(whole) / 2
  ORDER BY token, layer, expert`,
  },
  touch_map: {
    row: 'a token and a tensor, or expert, of which the token read anything; in a run with `--touches` or `--profile-touches`, what it used',
    columns: {
      token: 'the token, by its number in `token`',
      name: "the tensor's name",
      layer: 'its layer',
      role: 'its role',
      expert: 'its expert',
      read_bytes: 'bytes of it that were read for the token, or used by it',
      share: 'of the tensor, 0 to 1',
    },
    sql: `
  SELECT touch.token, tensor.name, tensor.layer, tensor.role, tensor.expert, touch.bytes AS read_bytes,
         touch.bytes / tensor.bytes AS share
  FROM touch JOIN tensor USING (file, "fileOffset")
  WHERE token IS NOT NULL AND tensor.name IS NOT NULL
    AND source = CASE WHEN EXISTS (FROM touch WHERE source = 'faults') THEN 'faults' ELSE 'trace' END
  ORDER BY token, layer NULLS LAST, "fileOffset"`,
  },
} satisfies Record<string, View>;

/** Makes the views, in an order in which each finds those that it reads. */
export const viewsSql = Object.entries(viewList)
  .map(([name, { sql }]) => `CREATE VIEW ${name} AS${sql};\n`)
  .join('');

/** The names of the views that are no tables of a dataset, for reading many runs at once. */
export const views = Object.keys(viewList).filter((name) => name !== 'event' && name !== 'io');

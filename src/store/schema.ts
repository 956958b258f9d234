/**
 * The tables of trace.duckdb; docs/store.md explains each column. Times are ns on CLOCK_MONOTONIC; sectors are 512
 * bytes, counted from the start of the whole disk; devices are the kernel's numbers (major << 20 | minor).
 *
 * Raise the version when a column changes its meaning or goes; a new column, table or view keeps it.
 */
export const storeSchemaVersion = 2;

/** What a run's dataset consists of: the names under which rows are read, exported and queried. */
export const tables = [
  'run',
  'device',
  'event',
  'io',
  'extent',
  'tensor',
  'region',
  'touch',
  'sample',
  'token',
  'phase',
  'process',
] as const;

/** What the views `event` and `io` are made of: numbers alone, for queries where speed counts. */
export const rowTables = ['event_row', 'io_row'] as const;

export type Table = (typeof tables)[number];

const enumOf = (names: readonly string[]) => `ENUM (${names.map((name) => `'${name}'`).join(', ')})`;

/**
 * `event` and `io` are views: a process has one name in a run, so names are stored once a process, not once a row, and
 * where a request falls in a file follows from its sector. In `io_row` a time of 0 was not seen; `io` shows null.
 * `event_payload` holds what few events carry besides: where a remap came from, where a split cut, how many requests an
 * unplug released. `row` is the event's number in `event_row`, from 0.
 * The enums' order is the native core's, whose numbers are stored as they are.
 */
export const schemaSql = (actionNames: readonly string[], directionNames: readonly string[]) => `
CREATE TYPE action AS ${enumOf(actionNames)};
CREATE TYPE direction AS ${enumOf(directionNames)};

CREATE TABLE run (
  schema_version UINTEGER NOT NULL, host VARCHAR, started TIMESTAMPTZ, started_ns UBIGINT, summary JSON
);
CREATE TABLE device (number UINTEGER NOT NULL, name VARCHAR NOT NULL);
CREATE TABLE process (pid UINTEGER PRIMARY KEY, name VARCHAR NOT NULL);

CREATE TABLE event_row (
  time UBIGINT NOT NULL, device UINTEGER NOT NULL, cpu USMALLINT NOT NULL, action action NOT NULL,
  direction direction NOT NULL, sector UBIGINT NOT NULL, sectors UINTEGER NOT NULL, pid UINTEGER NOT NULL,
  flags USMALLINT NOT NULL, error USMALLINT NOT NULL
);
CREATE TABLE event_payload (row UBIGINT NOT NULL, "fromDevice" UINTEGER NOT NULL, payload UBIGINT NOT NULL);
CREATE VIEW event AS
  SELECT time, device, cpu, action, direction, sector, sectors, pid, process.name AS process, flags, error
  FROM event_row LEFT JOIN process USING (pid);

CREATE TABLE io_row (
  device UINTEGER NOT NULL, direction direction NOT NULL, sector UBIGINT NOT NULL, sectors UINTEGER NOT NULL,
  queue UBIGINT NOT NULL, getrq UBIGINT NOT NULL, "insert" UBIGINT NOT NULL, issue UBIGINT NOT NULL,
  complete UBIGINT NOT NULL, pid UINTEGER NOT NULL, merges UINTEGER NOT NULL, error USMALLINT NOT NULL
);

CREATE TABLE extent (file VARCHAR NOT NULL, "fileOffset" UBIGINT NOT NULL, sector UBIGINT NOT NULL, sectors UBIGINT NOT NULL);
CREATE TABLE tensor (
  file VARCHAR NOT NULL, name VARCHAR, layer UINTEGER, role VARCHAR NOT NULL, expert UINTEGER,
  "fileOffset" UBIGINT NOT NULL, bytes UBIGINT NOT NULL, stack VARCHAR NOT NULL, use VARCHAR
);
CREATE TABLE touch (
  phase VARCHAR NOT NULL, token UINTEGER, file VARCHAR NOT NULL, "fileOffset" UBIGINT NOT NULL, bytes UBIGINT NOT NULL
);
CREATE TABLE region (
  kind VARCHAR NOT NULL, name VARCHAR NOT NULL, layer UINTEGER, role VARCHAR, expert UINTEGER,
  bytes UBIGINT NOT NULL, "uniqueBytes" UBIGINT NOT NULL, "readBytes" UBIGINT NOT NULL, reads UBIGINT NOT NULL,
  "generationBytes" UBIGINT, "firstNs" UBIGINT, "lastNs" UBIGINT
);
CREATE VIEW io AS
  WITH traced AS (SELECT number FROM device ORDER BY rowid LIMIT 1),
  located AS (
    SELECT io_row.*, file, CASE WHEN io_row.device = number AND io_row.sector < extent.sector + extent.sectors
                                THEN extent."fileOffset" + 512 * (io_row.sector - extent.sector) END AS "fileOffset"
    FROM io_row ASOF LEFT JOIN extent ON io_row.sector >= extent.sector LEFT JOIN traced ON true
  )
  SELECT device, direction, sector, sectors, nullif(queue, 0) AS queue, nullif(getrq, 0) AS getrq,
         nullif("insert", 0) AS "insert", nullif(issue, 0) AS issue, nullif(complete, 0) AS complete,
         pid, process.name AS process, merges, error, located."fileOffset",
         CASE WHEN located."fileOffset" < tensor."fileOffset" + tensor.bytes THEN tensor.name END AS tensor
  FROM located
  ASOF LEFT JOIN tensor ON located.file = tensor.file AND located."fileOffset" >= tensor."fileOffset"
  LEFT JOIN process USING (pid);

CREATE TABLE sample (time UBIGINT NOT NULL, metric VARCHAR NOT NULL, value DOUBLE NOT NULL);
CREATE TABLE token (index UINTEGER NOT NULL, time UBIGINT NOT NULL);
CREATE TABLE phase (
  name VARCHAR NOT NULL, start UBIGINT NOT NULL, "end" UBIGINT NOT NULL, tokens UINTEGER,
  "readBytes" UBIGINT NOT NULL, "uniqueBytes" UBIGINT NOT NULL, reads UBIGINT NOT NULL
);
`;

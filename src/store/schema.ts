/**
 * The tables of trace.duckdb. Times are ns on CLOCK_MONOTONIC; sectors are 512 bytes, counted from the start of the
 * whole disk; devices are the kernel's numbers (major << 20 | minor).
 *
 * Raise the version when a column changes its meaning or goes; a new column or view keeps it.
 */
export const storeSchemaVersion = 1;

const enumOf = (names: readonly string[]) => `ENUM (${names.map((name) => `'${name}'`).join(', ')})`;

/**
 * `event` is a view: a process has one name in a run, so names are stored once a process, not once an event.
 * The enums' order is the native core's, whose numbers are stored as they are.
 */
export const schemaSql = (actionNames: readonly string[], directionNames: readonly string[]) => `
CREATE TYPE action AS ${enumOf(actionNames)};
CREATE TYPE direction AS ${enumOf(directionNames)};

CREATE TABLE event_row (
  time UBIGINT NOT NULL, device UINTEGER NOT NULL, cpu USMALLINT NOT NULL, action action NOT NULL,
  direction direction NOT NULL, sector UBIGINT NOT NULL, sectors UINTEGER NOT NULL, pid UINTEGER NOT NULL,
  flags USMALLINT NOT NULL, error USMALLINT NOT NULL
);
CREATE TABLE process (pid UINTEGER PRIMARY KEY, name VARCHAR NOT NULL);
CREATE VIEW event AS
  SELECT time, device, cpu, action, direction, sector, sectors, pid, process.name AS process, flags, error
  FROM event_row LEFT JOIN process USING (pid);

CREATE TABLE device (number UINTEGER, name VARCHAR);
CREATE TABLE extent (file VARCHAR, "fileOffset" UBIGINT, sector UBIGINT, sectors UBIGINT);
CREATE TABLE run (schema_version UINTEGER, summary JSON);
`;

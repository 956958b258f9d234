import { type Figures, joined, listed } from '../figures/figure.js';
import { fateFigures, partFigures, phaseFigures, regionFigures, requestFigures } from '../figures/figures.js';
import { groupKinds, kindOfOne } from '../model/region-groups.js';
import { useKinds } from '../model/uses.js';

/**
 * The tables of trace.duckdb: their columns are declared here once, each with what it means. The SQL that makes the
 * tables and the tables of docs/store.md (`npm run docs:tables`) follow from this list.
 *
 * Numbers that somebody may subtract are signed: in DuckDB a difference of unsigned ones that is below 0 is an error.
 *
 * Raise the version when a column changes its meaning or goes; a new column, table or view keeps it.
 */
export const storeSchemaVersion = 3;

/** A column: its type in SQL, with NOT NULL where it always has a value, and what it holds. */
export interface ColumnDeclaration {
  type: string;
  about: string;
}

/** A table or view: what one of its rows is, and its columns in their order. */
export interface Relation<C = ColumnDeclaration> {
  row: string;
  columns: Record<string, C>;
}

const column = (type: string, about: string): ColumnDeclaration => ({ type, about });
const needed = (type: string, about: string): ColumnDeclaration => column(`${type} NOT NULL`, about);

/** "a, b or c". */
export function either(names: readonly string[]): string {
  return names.join(', ').replace(/, ([^,]*)$/, ' or $1'); // Intl.ListFormat takes longer to load than a command may
}

const oneRegion = either(groupKinds.map(kindOfOne));

const device = needed('UINTEGER', "the device, as the kernel's number: major << 20 | minor");
const pid = needed('UINTEGER', 'the process that was running');
const offset = needed('BIGINT', "bytes from the file's start");

/** The columns of a table that hold figures, by the declaration of the figures. */
function figureColumns(list: Figures, types: Record<string, string>): Record<string, ColumnDeclaration> {
  const columns = listed(list).flatMap(({ figure }) => {
    if (figure.column === undefined) return [];
    const type = types[figure.column] ?? 'BIGINT';
    return [[figure.column, figure.known ? needed(type, figure.label) : column(type, figure.label)] as const];
  });
  return Object.fromEntries(columns);
}

const place = {
  layer: column('INTEGER', 'the layer; null for tensors outside layers'),
  role: column('VARCHAR', 'the role; null where the row is not of one role'),
  expert: column('INTEGER', 'the expert of a stacked tensor; null for anything else'),
};

/** What the table of phases is made from. */
export const figuresOfPhases = joined(phaseFigures, partFigures);

/** The tables as they are stored. */
export const storedTables = {
  run: {
    row: 'the run',
    columns: {
      schema_version: needed('UINTEGER', 'the version of this list'),
      host: column('VARCHAR', 'the machine that wrote it'),
      started: column(
        'TIMESTAMPTZ',
        "the wall clock at `started_ns`; of an import by the trace's own note, null without one",
      ),
      started_ns: column('BIGINT', 'the time of the trace at `started`'),
      summary: column('JSON', 'the figures, as in summary.json'),
    },
  },
  device: {
    row: 'a traced device; files lie on the first',
    columns: {
      number: device,
      name: needed('VARCHAR', "the kernel's name"),
      layered: needed('BOOLEAN', 'whether it lies on another traced device: sums over devices leave it out'),
    },
  },
  process: {
    row: 'a process that has an event',
    columns: {
      pid: column('UINTEGER PRIMARY KEY', 'its number'),
      name: needed('VARCHAR', 'its name'),
    },
  },
  event_row: {
    row: 'an event, in order of time',
    columns: {
      time: needed('BIGINT', 'ns'),
      device,
      cpu: needed('USMALLINT', 'the processor that told it'),
      action: needed('action', 'what happened: an enum'),
      direction: needed('direction', 'an enum: none, read, write, discard or flush'),
      sector: needed('BIGINT', "the first sector, from the disk's start"),
      sectors: needed('INTEGER', 'how many'),
      pid,
      flags: needed('USMALLINT', 'the kinds of the I/O, as bits; 256 and 512: see metrics.md'),
      error: needed('USMALLINT', 'errno; 0 for success'),
    },
  },
  event_payload: {
    row: 'what only a few events carry',
    columns: {
      row: needed('BIGINT', "the event's number in `event_row`, from 0"),
      fromDevice: needed('UINTEGER', 'where a remap came from'),
      payload: needed(
        'UBIGINT',
        'the sector that a remap came from, the sector at which a split cut, or the number of requests that an unplug released',
      ),
    },
  },
  io_row: {
    row: 'a request, in order of completion; a time of -1 was not seen',
    columns: {
      device,
      direction: needed('direction', 'as of the events'),
      sector: needed('BIGINT', "the first sector, from the disk's start"),
      sectors: needed('INTEGER', 'how many'),
      queue: needed('BIGINT', 'when its first bio was queued, ns'),
      getrq: needed('BIGINT', 'when it got a request, ns'),
      insert: needed('BIGINT', 'when it was inserted, ns'),
      issue: needed('BIGINT', 'when it was last issued, ns'),
      complete: needed('BIGINT', 'when it completed, ns'),
      pid,
      merges: needed('INTEGER', 'bios that joined it'),
      error: needed('USMALLINT', 'errno; 0 for success'),
    },
  },
  extent: {
    row: 'a piece of a file on the disk',
    columns: {
      file: needed('VARCHAR', 'its path'),
      fileOffset: offset,
      sector: needed('BIGINT', "where it begins, from the disk's start"),
      sectors: needed('BIGINT', 'how long it is'),
    },
  },
  tensor: {
    row: 'a tensor, or one expert of a stacked one; metadata and padding have no name',
    columns: {
      file: needed('VARCHAR', 'the file that holds it'),
      name: column('VARCHAR', 'its name'),
      layer: place.layer,
      role: needed('VARCHAR', 'its role'),
      expert: place.expert,
      fileOffset: offset,
      bytes: needed('BIGINT', 'its size'),
      stack: needed('VARCHAR', 'the stack of its layer: empty for the main one, else `enc`, `dec`, `v`, ...'),
      use: column('VARCHAR', `what a token uses of it: ${either(useKinds)}`),
    },
  },
  touch: {
    row: 'what was read, or used, of a region in a phase, or for a token',
    columns: {
      source: needed(
        'VARCHAR',
        'trace: read, as the trace tells; faults: used, as page faults tell (`--touches`)',
      ),
      phase: needed('VARCHAR', 'load, prompt or generation'),
      token: column(
        'INTEGER',
        'the token that was made meanwhile, by its number in `token`; null outside generation, and for the later tokens of a very long one together',
      ),
      file: needed('VARCHAR', 'the file'),
      fileOffset: needed('BIGINT', "where the region begins, in bytes from the file's start"),
      bytes: needed('BIGINT', 'how many of its bytes'),
    },
  },
  account: {
    row: 'what became of what was read of a region in a phase (`--account`)',
    columns: {
      phase: column('VARCHAR', 'load, prompt, generation or after; null where the workload tells of none'),
      file: needed('VARCHAR', 'the file'),
      fileOffset: needed('BIGINT', "where the region begins, in bytes from the file's start"),
      ...figureColumns(fateFigures, {}),
    },
  },
  region: {
    row: `a ${oneRegion}, with its figures from the summary; of each model, where a run has several`,
    columns: {
      file: needed('VARCHAR', 'the model: its file, of a split one the first'),
      kind: needed('VARCHAR', oneRegion),
      name: needed('VARCHAR', 'its name'),
      ...place,
      ...figureColumns(regionFigures, {}),
    },
  },
  sample: {
    row: 'one value that was read while the workload ran',
    columns: {
      time: needed('BIGINT', 'ns'),
      metric: needed('VARCHAR', 'what was read; docs/experiment.md lists them'),
      value: needed('DOUBLE', 'in the unit that the metric names'),
    },
  },
  residency: {
    row: 'a part of a traced file, and what of it was in the page cache at a moment: before the workload, some times during it, and after it',
    columns: {
      time: needed('BIGINT', 'when, ns'),
      file: needed('VARCHAR', 'the file'),
      fileOffset: needed(
        'BIGINT',
        "where the part begins, in bytes from the file's start: that of a row of `tensor` where the model was read before the run",
      ),
      bytes: needed('BIGINT', 'its size'),
      cachedBytes: needed(
        'BIGINT',
        'how many of its bytes were cached: the pages that it lies in, cut to its size',
      ),
    },
  },
  token: {
    row: 'a token that was seen',
    columns: {
      index: needed('INTEGER', 'its number, from 0'),
      time: needed('BIGINT', 'when it was there, ns'),
    },
  },
  server_request: {
    row: 'a request that a server worked on, as its log tells',
    columns: {
      id: needed('VARCHAR', 'what the server calls it'),
      ...figureColumns(requestFigures, { promptTokens: 'INTEGER', tokens: 'INTEGER' }),
    },
  },
  phase: {
    row: 'a phase: load, prompt or generation',
    columns: {
      name: needed('VARCHAR', 'which'),
      ...figureColumns(figuresOfPhases, { tokens: 'INTEGER' }),
    },
  },
} satisfies Record<string, Relation>;

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
  'account',
  'sample',
  'token',
  'server_request',
  'phase',
  'process',
] as const;

/** What the views `event` and `io` are made of: numbers alone, for queries where speed counts. */
export const rowTables = ['event_row', 'io_row'] as const;

export type Table = (typeof tables)[number];

const enumOf = (names: readonly string[]) => `ENUM (${names.map((name) => `'${name}'`).join(', ')})`;

const tableSql = ([table, { columns }]: [string, Relation]) => {
  const list = Object.entries(columns).map(([name, { type }]) => `"${name}" ${type}`);
  return `CREATE TABLE ${table} (${list.join(', ')});\n`;
};

/** Makes the tables. The enums' order is the native core's, whose numbers are stored as they are. */
export const schemaSql = (actionNames: readonly string[], directionNames: readonly string[]) => `
CREATE TYPE action AS ${enumOf(actionNames)};
CREATE TYPE direction AS ${enumOf(directionNames)};
${Object.entries(storedTables).map(tableSql).join('')}`;

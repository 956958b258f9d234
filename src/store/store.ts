import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import type { StoredFates } from '../figures/account.js';
import { type Figures, listed, valueAt } from '../figures/figure.js';
import { fateFigures, regionFigures, requestFigures } from '../figures/figures.js';
import type { PhaseSummary, RegionFigures, RequestSummary, Summary } from '../figures/summary-schema.js';
import type { StoredTouch } from '../figures/touch.js';
import type { Model } from '../model/gguf.js';
import { groupKinds, kindOfOne } from '../model/region-groups.js';
import { modelRegions } from '../model/regions.js';
import { tensorUses } from '../model/uses.js';
import type { NativeBatch, NativeExtents } from '../native/trace.js';
import { storeError } from '../run/store-error.js';
import type { ResidencyWatch } from '../sample/residency.js';
import type { Sample } from '../sample/sample.js';
import type { Mark } from '../workload/engine.js';
import { type Column, ColumnAppender } from './column-appender.js';
import { Payloads } from './payloads.js';
import { RowAppender } from './row-appender.js';
import {
  type ColumnDeclaration,
  figuresOfPhases,
  schemaSql,
  storedTables,
  storeSchemaVersion,
} from './schema.js';
import { viewsSql } from './views.js';

/** The enums of the event table, in the order of the native core's numbers. */
export interface EventNames {
  actions: readonly string[];
  directions: readonly string[];
}

/** A file whose extents are stored beside the events; `path` is as the run names it. */
export interface StoredFile {
  path: string;
  extents: NativeExtents;
}

/** Requests as columns of `length` rows, by completion. Times in ns on CLOCK_MONOTONIC, `notSeen` where they were not. */
export interface IoBatch {
  length: number;
  device: Uint32Array;
  direction: Uint8Array;
  sector: BigUint64Array;
  sectors: Uint32Array;
  queue: BigUint64Array;
  getrq: BigUint64Array;
  insert: BigUint64Array;
  issue: BigUint64Array;
  complete: BigUint64Array;
  pid: Uint32Array;
  merges: Uint32Array;
  error: Uint16Array;
}

/** Events, with the requests that were completed by them where they were matched. */
export type TraceBatch = NativeBatch & { ios?: IoBatch };

/** When and where a run was made; the two times are one moment on the wall's clock and on CLOCK_MONOTONIC. */
export interface RunOrigin {
  host: string;
  /** ISO 8601; null: not known. */
  startedAt: string | null;
  startedNs: number | null;
}

/**
 * Writes a run's trace.duckdb. All in one transaction: a file that was closed is whole.
 *
 * Made for the time after the workload has ended; nothing here is on the measured path. Every method throws
 * BlkscopeError when the file cannot be written (disk full, read-only).
 */
export class StoreWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #actionNames: readonly string[];

  private constructor(
    path: string,
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    { actions }: EventNames,
  ) {
    this.#path = path;
    this.#instance = instance;
    this.#connection = connection;
    this.#actionNames = actions;
  }

  static async create(path: string, names: EventNames): Promise<StoreWriter> {
    try {
      // One thread writes fastest: the rows come from one, and idle workers contend for the row groups.
      // Without a limit the blocks that were written stay in memory, up to most of the machine's.
      const instance = await DuckDBInstance.create(path, { threads: '1', memory_limit: '256MB' });
      const connection = await instance.connect();
      await connection.run(`BEGIN; ${schemaSql(names.actions, names.directions)} ${viewsSql}`);
      return new StoreWriter(path, instance, connection, names);
    } catch (error) {
      throw storeError(error, `write ${path}`);
    }
  }

  /**
   * Takes all batches as they come: events, and the requests they completed. Also when they cannot be written, so that
   * what looks at them on their way sees all; it throws then at the end. Returns the number of events.
   */
  async writeTrace(batches: AsyncIterable<TraceBatch> | Iterable<TraceBatch>): Promise<number> {
    const writer = await this.#failing(() => TraceAppender.create(this.#connection, this.#actionNames));
    let failure: unknown = null;
    let count = 0;
    for await (const batch of batches) {
      count += batch.length;
      if (!failure) failure = failureOf(() => writer.append(batch));
    }
    failure ??= failureOf(() => writer.close());
    if (failure) throw storeError(failure, `write ${this.#path}`);
    return count;
  }

  /** Names of processes; of those that have an event, since the kernel's list is of all that ran lately. After the trace. */
  async writeProcesses({ pids, names }: { pids: Uint32Array; names: string[] }): Promise<void> {
    const rows = await this.#failing(async () => {
      const found = await this.#connection.runAndReadAll('SELECT DISTINCT pid FROM event_row');
      const traced = new Set(found.getRows().map(([pid]) => pid));
      return names.map((name, i) => [pids[i] as number, name] as const).filter(([pid]) => traced.has(pid));
    });
    await this.#appendRows('process', rows);
  }

  writeDevices(devices: { number: number; name: string; layered: boolean }[]): Promise<void> {
    return this.#appendRows(
      'device',
      devices.map(({ number, name, layered }) => [number, name, layered]),
    );
  }

  writeExtents(files: readonly StoredFile[]): Promise<void> {
    const rows = files.flatMap(({ path, extents }) =>
      Array.from(extents.sectors, (sector, i) => [
        path,
        extents.fileOffsets[i] as bigint,
        sector,
        extents.sectorCounts[i] as bigint,
      ]),
    );
    return this.#appendRows('extent', rows);
  }

  /** Where each tensor, and each expert of a stacked one, lies in its file. `files`: the parts, as the run names them. */
  writeTensors(model: Model, files: readonly string[]): Promise<void> {
    const uses = tensorUses(model);
    const rows = modelRegions(model).map(({ part, tensor, stack, layer, role, expert, offset, bytes }) => [
      files[part] as string,
      tensor,
      layer,
      role,
      expert,
      BigInt(offset),
      BigInt(bytes),
      stack,
      tensor === null ? null : (uses.get(tensor)?.kind ?? null),
    ]);
    return this.#appendRows('tensor', rows);
  }

  /** The summary's figures of the model's regions and of the workload's phases, as tables. */
  async writeFigures({ model, otherModels = [], phases }: Summary): Promise<void> {
    const models = model ? [model, ...otherModels] : otherModels;
    const regions = models.flatMap((each) =>
      groupKinds.flatMap((kind) =>
        (each[kind] ?? []).map((region) => regionRow(each.files[0] ?? '', kindOfOne(kind), region)),
      ),
    );
    await this.#appendRows('region', regions);
    const spans = Object.entries(phases ?? {}).flatMap(([name, phase]) =>
      phase ? [phaseRow(name, phase)] : [],
    );
    await this.#appendRows('phase', spans);
  }

  /** The touch map: what was read of each region while each token was made, and in the other phases. */
  writeTouches(touches: Iterable<StoredTouch>): Promise<void> {
    function* rows(): Generator<DuckDBValue[]> {
      for (const { source, phase, token, file, fileOffset, bytes } of touches)
        yield [source, phase, token, file, BigInt(fileOffset), BigInt(bytes)];
    }
    return this.#appendRows('touch', rows());
  }

  /** What became of what was read of each region in each phase. */
  writeAccount(rows: readonly StoredFates[]): Promise<void> {
    return this.#appendRows(
      'account',
      rows.map((row) => [
        ...[row.phase, row.file, BigInt(row.fileOffset)],
        ...figureRow(fateFigures, storedTables.account.columns, row),
      ]),
    );
  }

  /** Requests that a server worked on, all of them. */
  writeRequests(requests: readonly RequestSummary['told'][number][]): Promise<void> {
    return this.#appendRows(
      'server_request',
      requests.map((request) => [
        request.id,
        ...figureRow(requestFigures, storedTables.server_request.columns, request),
      ]),
    );
  }

  writeSamples(samples: readonly Sample[]): Promise<void> {
    return this.#appendRows(
      'sample',
      samples.map(({ time, metric, value }) => [time, metric, value]),
    );
  }

  /** What of each part of the files was in the page cache at each look. */
  writeResidency({ paths, parts, looks }: ResidencyWatch): Promise<void> {
    return this.#appendRows(
      'residency',
      looks.flatMap(({ time, cached }) =>
        parts.map(({ file, offset, bytes }, i) => [
          time,
          paths[file] as string,
          BigInt(offset),
          BigInt(bytes),
          BigInt(cached[i] as number),
        ]),
      ),
    );
  }

  /** The tokens among the workload's marks: when each was there. */
  writeTokens(marks: readonly Mark[]): Promise<void> {
    const tokens = marks.filter(({ kind }) => kind === 'token');
    return this.#appendRows(
      'token',
      tokens.map(({ time, index }, i) => [index ?? i, time]),
    );
  }

  /** Writes the run's own row, commits and closes the file. */
  async finish(summaryJson: string, origin?: RunOrigin): Promise<void> {
    await this.#failing(async () => {
      await this.#connection.run(
        'INSERT INTO run VALUES (?::UINTEGER, ?::VARCHAR, ?::VARCHAR::TIMESTAMPTZ, ?::BIGINT, ?::VARCHAR::JSON)',
        [
          storeSchemaVersion,
          origin?.host ?? null,
          origin?.startedAt ?? null,
          origin?.startedNs == null ? null : BigInt(origin.startedNs),
          summaryJson,
        ],
      );
      await this.#connection.run('COMMIT');
      await this.#connection.run('CHECKPOINT');
    });
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  /** Gives a failure to write its line for the user. */
  async #failing<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      throw storeError(error, `write ${this.#path}`);
    }
  }

  #appendRows(table: string, rows: Iterable<readonly DuckDBValue[]>): Promise<void> {
    return this.#failing(async () => {
      const appender = new RowAppender(await this.#connection.createAppender(table));
      for (const row of rows) appender.append(row);
      appender.close();
    });
  }
}

/** The tables of a trace, filled side by side. */
class TraceAppender {
  #count = 0;

  private constructor(
    private readonly events: ColumnAppender,
    private readonly ios: ColumnAppender,
    private readonly payloads: ColumnAppender,
    private readonly carried: Payloads,
  ) {}

  static async create(connection: DuckDBConnection, actionNames: readonly string[]): Promise<TraceAppender> {
    const appender = async (table: string) => new ColumnAppender(await connection.createAppender(table));
    return new TraceAppender(
      await appender('event_row'),
      await appender('io_row'),
      await appender('event_payload'),
      new Payloads(actionNames),
    );
  }

  append(batch: TraceBatch): void {
    this.events.append(eventColumns(batch), batch.length);
    const carried = this.carried.of(batch, this.#count);
    this.payloads.append(carried.columns, carried.length);
    this.#count += batch.length;
    if (batch.ios) this.ios.append(ioColumns(batch.ios), batch.ios.length);
  }

  close(): void {
    this.events.close();
    this.payloads.close();
    this.ios.close();
  }
}

function failureOf(action: () => void): unknown {
  try {
    action();
    return null;
  } catch (error) {
    return error;
  }
}

/** The columns of `event_row`, in the table's order. */
function eventColumns(batch: NativeBatch): Column[] {
  const { time, device, cpu, action, direction, sector, pid, flags, error } = batch;
  return [time, device, cpu, action, direction, sector, sectorsOf(batch), pid, flags, error];
}

function sectorsOf(batch: NativeBatch): Uint32Array {
  const sectors = new Uint32Array(batch.length);
  for (let i = 0; i < batch.length; i++) sectors[i] = (batch.bytes[i] as number) >>> 9;
  return sectors;
}

/** The columns of `io_row`, in the table's order. */
function ioColumns(b: IoBatch): Column[] {
  const times = [b.queue, b.getrq, b.insert, b.issue, b.complete];
  return [b.device, b.direction, b.sector, b.sectors, ...times, b.pid, b.merges, b.error];
}

/** A value of the summary as a column of this type takes it. */
const stored = (type: string, value: unknown): DuckDBValue =>
  typeof value === 'number' && type.startsWith('BIGINT') ? BigInt(value) : ((value ?? null) as DuckDBValue);

/** What a summary tells of a region or phase, as the table's columns of figures have it. */
function figureRow(
  list: Figures,
  columns: Record<string, ColumnDeclaration>,
  values: unknown,
): DuckDBValue[] {
  return listed(list).flatMap(({ key, figure: { column } }) =>
    column === undefined ? [] : [stored(columns[column]?.type ?? '', valueAt(values, key))],
  );
}

function regionRow(file: string, kind: string, region: RegionFigures): DuckDBValue[] {
  const { name, layer = null, role = null, expert = null } = region;
  const figures = figureRow(regionFigures, storedTables.region.columns, region);
  return [file, kind, name, layer, role, expert, ...figures];
}

function phaseRow(name: string, phase: PhaseSummary): DuckDBValue[] {
  return [name, ...figureRow(figuresOfPhases, storedTables.phase.columns, phase)];
}

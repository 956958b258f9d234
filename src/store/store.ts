import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { NativeBatch, NativeExtents } from '../native.js';
import { EventAppender } from './event-appender.js';
import { schemaSql, storeSchemaVersion } from './schema.js';

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

/**
 * Writes a run's trace.duckdb. All in one transaction: a file that was closed is whole.
 *
 * Made for the time after the workload has ended; nothing here is on the measured path.
 */
export class StoreWriter implements AsyncDisposable {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async create(path: string, names: EventNames): Promise<StoreWriter> {
    const instance = await DuckDBInstance.create(path);
    const connection = await instance.connect();
    await connection.run(`BEGIN; ${schemaSql(names.actions, names.directions)}`);
    return new StoreWriter(instance, connection);
  }

  /** Takes all batches as they come. Returns the number of events. */
  async writeEvents(batches: AsyncIterable<NativeBatch> | Iterable<NativeBatch>): Promise<number> {
    const appender = await this.#connection.createAppender('event_row');
    const events = new EventAppender(appender);
    let count = 0;
    for await (const batch of batches) {
      events.append(batch);
      count += batch.length;
    }
    appender.closeSync();
    return count;
  }

  async writeProcesses(processes: { pids: Uint32Array; names: string[] }): Promise<void> {
    const appender = await this.#connection.createAppender('process');
    processes.names.forEach((name, i) => {
      appender.appendUInteger(processes.pids[i] as number);
      appender.appendVarchar(name);
      appender.endRow();
    });
    appender.closeSync();
  }

  async writeDevices(devices: { number: number; name: string }[]): Promise<void> {
    for (const { number, name } of devices) {
      await this.#connection.run('INSERT INTO device VALUES (?, ?)', [number, name]);
    }
  }

  async writeExtents(files: readonly StoredFile[]): Promise<void> {
    const appender = await this.#connection.createAppender('extent');
    for (const { path, extents } of files) {
      for (let i = 0; i < extents.sectors.length; i++) {
        appender.appendVarchar(path);
        appender.appendUBigInt(extents.fileOffsets[i] as bigint);
        appender.appendUBigInt(extents.sectors[i] as bigint);
        appender.appendUBigInt(extents.sectorCounts[i] as bigint);
        appender.endRow();
      }
    }
    appender.closeSync();
  }

  /**
   * Bytes of the stored files that completed reads brought in between two times (ns, monotonic). The model figures of
   * the summary are counted natively over the whole trace; this one needs the workload's marks, known afterwards.
   */
  async fileBytesRead(fromNs: bigint, toNs: bigint): Promise<number> {
    const result = await this.#connection.runAndReadAll(
      `SELECT coalesce(sum(512 * (least(e.sector + e.sectors, x.sector + x.sectors) - greatest(e.sector, x.sector))), 0)::DOUBLE
       FROM event_row e JOIN extent x ON e.sector < x.sector + x.sectors AND x.sector < e.sector + e.sectors
       WHERE e.action = 'complete' AND e.direction = 'read' AND e.error = 0
         AND e.time BETWEEN ?::UBIGINT AND ?::UBIGINT AND e.sectors > 0`,
      [fromNs, toNs],
    );
    return result.getRows()[0]?.[0] as number;
  }

  /** Writes the run's own row, commits and closes the file. */
  async finish(summaryJson: string): Promise<void> {
    await this.#connection.run('INSERT INTO run VALUES (?, ?)', [storeSchemaVersion, summaryJson]);
    await this.#connection.run('COMMIT');
    await this.#connection.run('CHECKPOINT');
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NativeBatch, notSeen } from '../../../src/native/trace.js';
import { type IoBatch, StoreWriter } from '../../../src/store/store.js';
import { phaseFixture, summaryFixture } from '../figures/summary-fixture.js';

export const names = {
  actions: ['queue', 'getrq', 'insert', 'issue', 'complete'],
  directions: ['none', 'read', 'write', 'discard', 'flush'],
};

const disk = 254 << 20;

/** A completed read; time in ns, sector and sectors of 512 bytes. */
export interface Read {
  time: number;
  sector: number;
  sectors: number;
  error?: number;
}

/** Each read as two events: issued 100 ns before it completed. */
export function eventsOf(reads: readonly Read[]): NativeBatch {
  const rows = reads.flatMap((read) => [
    { ...read, time: read.time - 100, action: 3, error: 0 },
    { error: 0, ...read, action: 4 },
  ]);
  return {
    length: rows.length,
    time: BigUint64Array.from(rows, ({ time }) => BigInt(time)),
    sector: BigUint64Array.from(rows, ({ sector }) => BigInt(sector)),
    payload: new BigUint64Array(rows.length),
    bytes: Uint32Array.from(rows, ({ sectors }) => sectors * 512),
    pid: new Uint32Array(rows.length).fill(100),
    device: new Uint32Array(rows.length).fill(disk),
    fromDevice: new Uint32Array(rows.length),
    cpu: new Uint16Array(rows.length),
    error: Uint16Array.from(rows, ({ error }) => error),
    flags: new Uint16Array(rows.length),
    action: Uint8Array.from(rows, ({ action }) => action),
    direction: new Uint8Array(rows.length).fill(1),
  };
}

/** Of a failed read the trace holds no queueing. */
export function iosOf(reads: readonly Read[]): IoBatch {
  const times = (before: number) => BigUint64Array.from(reads, ({ time }) => BigInt(time - before));
  const none = new BigUint64Array(reads.length).fill(notSeen);
  return {
    length: reads.length,
    device: new Uint32Array(reads.length).fill(disk),
    direction: new Uint8Array(reads.length).fill(1),
    sector: BigUint64Array.from(reads, ({ sector }) => BigInt(sector)),
    sectors: Uint32Array.from(reads, ({ sectors }) => sectors),
    queue: BigUint64Array.from(reads, ({ time, error }) => (error ? notSeen : BigInt(time - 300))),
    getrq: none,
    insert: none,
    issue: times(100),
    complete: times(0),
    pid: new Uint32Array(reads.length).fill(100),
    merges: new Uint32Array(reads.length),
    error: Uint16Array.from(reads, ({ error }) => error ?? 0),
  };
}

/** A run folder of these reads, with a file of two tensors at sectors 1000 to 1015 and 2000 to 2015. */
export async function writeStoredRun(
  path: string,
  reads: readonly Read[],
  uniqueSectors: number,
): Promise<void> {
  mkdirSync(path, { recursive: true });
  const origin = { host: 'alpha', startedAt: '2026-07-08T12:00:00.000Z', startedNs: 1 };
  const summary = summaryFixture();
  summary.reads.uniqueSectors = uniqueSectors;
  const phase = (startNs: number, endNs: number) =>
    phaseFixture(1, (part) => {
      Object.assign(part, { startNs, endNs, tokens: 2, model: null });
      part.reads = { count: 3, bytes: 12288, uniqueSectors: 12, errors: 0 };
    });
  summary.phases = {
    load: null,
    prompt: phase(500, 1500),
    generation: phase(1500, 4e9),
  };
  {
    await using store = await StoreWriter.create(join(path, 'trace.duckdb'), names);
    await store.writeTrace([{ ...eventsOf(reads), ios: iosOf(reads) }]);
    await store.writeProcesses({ pids: Uint32Array.of(100), names: ['llama-cli'] });
    await store.writeDevices([{ number: disk, name: 'vda', layered: false }]);
    await store.writeExtents([
      {
        path: '/models/tiny.gguf',
        extents: {
          bytes: 32 * 512,
          fileOffsets: BigUint64Array.of(0n, 8192n),
          sectors: BigUint64Array.of(1000n, 2000n),
          sectorCounts: BigUint64Array.of(16n, 16n),
        },
      },
    ]);
    await store.writeTensors(tinyModel, ['/models/tiny.gguf']);
    await store.writeTokens([
      { kind: 'promptDone', time: 1500n },
      { kind: 'token', time: 2_000_000_000n, index: 0 },
      { kind: 'token', time: 4_000_000_000n, index: 1 },
    ]);
    await store.writeFigures(summary);
    await store.writeSamples([{ time: 7n, metric: 'rssAnonBytes', value: 4096 }]);
    await store.finish(JSON.stringify(summary), origin);
  }
  writeFileSync(join(path, 'summary.json'), JSON.stringify(summary));
  writeFileSync(
    join(path, 'config.json'),
    JSON.stringify({ kind: 'run', machine: { host: origin.host }, ...origin }),
  );
}

const tinyModel = {
  path: '/models/tiny.gguf',
  parts: [{ path: '/models/tiny.gguf', bytes: 16384, metadataBytes: 0 }],
  bytes: 16384,
  architecture: 'llama',
  name: null,
  fileType: 'F16',
  layers: 1,
  tensors: [
    { name: 'token_embd.weight', part: 0, offset: 0, bytes: 6144, shape: [4, 4], type: 'F16' },
    { name: 'blk.0.attn_q.weight', part: 0, offset: 6144, bytes: 10240, shape: [4, 4], type: 'F16' },
  ],
  experts: null,
  keys: new Map(),
  notes: [],
};

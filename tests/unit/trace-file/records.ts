/** Bytes of trace records of version 1 (or 2), for tests of what reads them. */
export class Records {
  readonly #parts: Buffer[] = [];
  #sequence = 0;

  constructor(
    readonly cpu = 0,
    readonly device = (8 << 20) | 16,
  ) {}

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  add(time: bigint, action: number, sector: number, bytes = 4096, pid = 100): this {
    this.#sequence++;
    return this.#put({
      time,
      action,
      sector,
      bytes,
      pid,
      sequence: this.#sequence,
      payload: Buffer.alloc(0),
    });
  }

  /** A read of 4 KiB that came to this device from another, there at sector `from`. */
  remap(time: bigint, sector: number, fromDevice: number, from: number): this {
    const payload = Buffer.alloc(16);
    payload.writeUInt32BE(fromDevice, 0);
    payload.writeUInt32BE(this.device, 4);
    payload.writeBigUInt64BE(BigInt(from), 8);
    const sequence = ++this.#sequence;
    return this.#put({ time, action: actions.remap, sector, bytes: 4096, pid: 100, sequence, payload });
  }

  /** A read of 4 KiB, issued and completed 100 us later. */
  read(time: bigint, sector: number): this {
    return this.add(time, actions.issue, sector).add(time + 100_000n, actions.complete, sector);
  }

  /** `count` reads, `step` ns apart. */
  reads(count: number, start: bigint, step = 1_000_000n): this {
    for (let i = 0; i < count; i++) this.read(start + BigInt(i) * step, 100_000 + 8 * i);
    return this;
  }

  wallClock(time: bigint, seconds: number, ns: number): this {
    const payload = Buffer.alloc(8);
    payload.writeUInt32LE(seconds, 0);
    payload.writeUInt32LE(ns, 4);
    return this.#put({ time, action: notify | 1, sector: 0, bytes: 0, pid: 0, sequence: 0, payload });
  }

  skip(events: number): this {
    this.#sequence += events;
    return this;
  }

  #put(r: {
    time: bigint;
    action: number;
    sector: number;
    bytes: number;
    pid: number;
    sequence: number;
    payload: Buffer;
  }): this {
    const record = Buffer.alloc(48);
    record.writeUInt32LE(0x65617407, 0);
    record.writeUInt32LE(r.sequence, 4);
    record.writeBigUInt64LE(r.time, 8);
    record.writeBigUInt64LE(BigInt(r.sector), 16);
    record.writeUInt32LE(r.bytes, 24);
    record.writeUInt32LE(r.action, 28);
    record.writeUInt32LE(r.pid, 32);
    record.writeUInt32LE(this.device, 36);
    record.writeUInt32LE(this.cpu, 40);
    record.writeUInt16LE(r.payload.length, 46);
    this.#parts.push(record, r.payload);
    return this;
  }
}

const notify = (1 << 10) << 16;
const read = 1 | (1 << 8); // a file system's

export const actions = {
  queue: ((read | (1 << 4)) << 16) | 1,
  getrq: ((read | (1 << 4)) << 16) | 4,
  insert: ((read | (1 << 4)) << 16) | 12,
  issue: ((read | (1 << 6)) << 16) | 7,
  requeue: ((read | (1 << 5)) << 16) | 6,
  remap: ((read | (1 << 4)) << 16) | 15,
  complete: ((read | (1 << 7)) << 16) | 8,
};

import type { EventBatch } from '../capture/batch.js';
import { native } from '../native/binding.js';
import { readProc } from '../process/process-tree.js';
import { ReaderFiles } from './reader-files.js';

/** Who reads, of the last span: a process, and the file that most of it came from. */
export interface TopRow {
  pid: number;
  process: string | null;
  file: string | null;
  bytesPerSecond: number;
  readsPerSecond: number;
  /** Of reads that have one before them. */
  sequentialShare: number | null;
  /** From issue to completion. */
  meanNs: number | null;
}

interface Reader {
  process: string | null;
  bytes: number;
  reads: number;
  sequential: number;
  compared: number;
  lastEnd: number | null;
  tookNs: number;
  timed: number;
  byFile: Map<string, number>;
}

interface Issued {
  pid: number;
  timeNs: number;
}

const mostIssued = 65536;

/** Bits of an event's flags: see docs/metrics.md. */
const passthrough = 32;
const surplus = 256;
const completed = 512;

/** Adds up events by the process that asked for them. */
export class TopTable {
  /** By device, then sector. What is queued stands here as well: some devices tell of no issue. */
  readonly #issued = new Map<number, Map<number, Issued>>();
  readonly #files = new ReaderFiles();
  /** Of a span: whether they are threads of the only process that is shown. */
  readonly #threads = new Map<number, boolean>();
  #readers = new Map<number, Reader>();

  /** `only`: reads of this process alone. */
  constructor(private readonly only: number | null = null) {}

  add(batch: EventBatch): void {
    const { length, action, direction, device, bytes, pid, error } = batch;
    const [sector, time] = [numbersOf(batch.sector), numbersOf(batch.time)];
    const [queue, issue, complete] = [codeOf('queue'), codeOf('issue'), codeOf('complete')];
    const read = native.directionNames.indexOf('read');
    for (let i = 0; i < length; i++) {
      const flags = batch.flags[i] as number;
      if (direction[i] !== read || bytes[i] === 0 || (flags & (passthrough | surplus)) !== 0) continue;
      const [open, at] = [this.#issuedOn(device[i] as number), sector(i)];
      if (action[i] === queue || action[i] === issue) {
        if (open.size >= mostIssued) open.clear();
        // Whose it is says who queued it: a thread of the kernel's may have issued it.
        const queued = action[i] === issue ? open.get(at)?.pid : undefined;
        open.set(at, { pid: queued ?? (pid[i] as number), timeNs: time(i) });
      }
      if ((action[i] === complete || (flags & completed) !== 0) && error[i] === 0) {
        const issued = open.get(at);
        open.delete(at);
        const who = issued?.pid ?? (pid[i] as number);
        if (this.only !== null && who !== this.only && !this.#isThreadOf(who)) continue;
        const tookNs = issued && action[i] === complete ? time(i) - issued.timeNs : null;
        this.#count(who, at, bytes[i] as number, tookNs);
      }
    }
  }

  /** The table of what came since the last call, `seconds` ago. */
  take(seconds: number): TopRow[] {
    const rows = [...this.#readers].map(([pid, reader]): TopRow => {
      const [file] = [...reader.byFile].sort((a, b) => b[1] - a[1])[0] ?? [null];
      return {
        pid,
        process: reader.process,
        file,
        bytesPerSecond: reader.bytes / seconds,
        readsPerSecond: reader.reads / seconds,
        sequentialShare: reader.compared > 0 ? reader.sequential / reader.compared : null,
        meanNs: reader.timed > 0 ? reader.tookNs / reader.timed : null,
      };
    });
    this.#files.renew(new Set(this.#readers.keys()));
    this.#readers = new Map();
    this.#threads.clear();
    return rows.sort((a, b) => b.bytesPerSecond - a.bytesPerSecond);
  }

  #issuedOn(device: number): Map<number, Issued> {
    const open = this.#issued.get(device) ?? new Map<number, Issued>();
    this.#issued.set(device, open);
    return open;
  }

  /** Looked up once a span: a disk may have tens of thousands of reads a second. */
  #isThreadOf(pid: number): boolean {
    const known = this.#threads.get(pid);
    if (known !== undefined) return known;
    const is = readProc(pid, 'status')?.includes(`\nTgid:\t${this.only}\n`) ?? false;
    this.#threads.set(pid, is);
    return is;
  }

  #count(pid: number, sector: number, bytes: number, tookNs: number | null): void {
    const reader: Reader = this.#readers.get(pid) ?? {
      ...{ bytes: 0, reads: 0, sequential: 0, compared: 0, lastEnd: null, tookNs: 0, timed: 0 },
      byFile: new Map(),
      // Now: it may be gone when the table is made.
      process: readProc(pid, 'comm')?.trimEnd() ?? null,
    };
    this.#readers.set(pid, reader);
    reader.bytes += bytes;
    reader.reads++;
    if (reader.lastEnd !== null) {
      reader.compared++;
      if (reader.lastEnd === sector) reader.sequential++;
    }
    reader.lastEnd = sector + bytes / 512;
    if (tookNs !== null) {
      reader.tookNs += tookNs;
      reader.timed++;
    }
    const file = this.#files.at(pid, sector);
    if (file !== null) reader.byFile.set(file, (reader.byFile.get(file) ?? 0) + bytes);
  }
}

/** Values below 2^53 of a column, without a bigint for each: there may be a hundred thousand a second. */
function numbersOf(column: BigUint64Array): (i: number) => number {
  const halves = new Uint32Array(column.buffer, column.byteOffset, 2 * column.length);
  return (i) => (halves[2 * i] as number) + (halves[2 * i + 1] as number) * 2 ** 32;
}

function codeOf(action: string): number {
  return native.actionNames.indexOf(action);
}

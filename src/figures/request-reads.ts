import type { EventBatch } from '../capture/batch.js';
import { native } from '../native/binding.js';
import type { NativeRegionReads } from '../native/regions.js';
import type { NativeExtents } from '../native/trace.js';
import type { ServedRequest } from '../workload/open-requests.js';

/** What a server's request read of the files: reads that completed while it was worked on. */
export interface RequestRead {
  request: ServedRequest;
  /** While its prompt was evaluated; null: it is not known when that was over. */
  promptBytes: number | null;
  /** After that, while tokens were generated; null likewise. */
  generationBytes: number | null;
  /** Both, from its beginning to its end. */
  readBytes: number;
}

/** Of all requests of a run; those that were worked on at the same time share their reads, which count for each. */
export interface RequestReadsResults {
  requests: RequestRead[];
  /** While any of them generated, each byte counted once; null: of none is known when. */
  generationBytes: number | null;
}

interface Piece {
  file: number;
  sector: bigint;
  end: bigint;
  fileOffset: bigint;
}

/** The same files, of which no two hold the same sector of the disk: what several share is left to one of them. */
function eachSectorOnce(files: readonly NativeExtents[]): NativeExtents[] {
  const pieces = files.flatMap(({ sectors, sectorCounts, fileOffsets }, file) =>
    Array.from(sectors, (sector, i): Piece => {
      const end = sector + (sectorCounts[i] as bigint);
      return { file, sector, end, fileOffset: fileOffsets[i] as bigint };
    }),
  );
  let done = 0n;
  const own = files.map((): Piece[] => []);
  for (const piece of pieces.sort((a, b) => (a.sector < b.sector ? -1 : Number(a.sector > b.sector)))) {
    const shared = done > piece.sector ? done - piece.sector : 0n;
    if (piece.sector + shared >= piece.end) continue;
    done = piece.end;
    own[piece.file]?.push({
      ...piece,
      sector: piece.sector + shared,
      fileOffset: piece.fileOffset + shared * 512n,
    });
  }
  return files.map(({ bytes }, file) => {
    const column = (of: (piece: Piece) => bigint) => BigUint64Array.from(own[file] as Piece[], of);
    return {
      bytes,
      fileOffsets: column(({ fileOffset }) => fileOffset),
      sectors: column(({ sector }) => sector),
      sectorCounts: column(({ sector, end }) => end - sector),
    };
  });
}

/**
 * Counts by request what was read of files, off the measured path, from the very batches that go to the store. Requests
 * without an end last until the end of the run.
 */
export class RequestReads {
  readonly #native: NativeRegionReads;
  readonly #boundaries: bigint[];

  /** `files` lie on the disk with the kernel's number `device`. */
  constructor(
    files: NativeExtents[],
    device: number,
    private readonly requests: readonly ServedRequest[],
    private readonly endNs: bigint,
  ) {
    const edges = requests.flatMap(({ startedAt, promptDoneAt, endedAt }) => [
      startedAt,
      ...(promptDoneAt === null ? [] : [promptDoneAt]),
      endedAt ?? endNs,
    ]);
    this.#boundaries = [...new Set(edges)].sort((a, b) => (a < b ? -1 : 1));
    this.#native = new native.RegionReads({
      files: eachSectorOnce(files),
      device,
      regions: {
        files: Uint32Array.from(files, (_, i) => i),
        offsets: new BigUint64Array(files.length),
        bytes: BigUint64Array.from(files, ({ bytes }) => BigInt(bytes)),
      },
      groupings: [],
      boundaries: BigUint64Array.from(this.#boundaries),
      joinable: { from: 0, to: 0 }, // a slot has a touch for each file
    });
  }

  consume(batch: EventBatch): void {
    this.#native.consume(batch);
  }

  /** Once, after the last batch. */
  results(): RequestReadsResults {
    const { slots, bytes } = this.#native.finish().touches;
    const bySlot = new Float64Array(this.#boundaries.length);
    slots.forEach((slot, i) => {
      bySlot[slot] = (bySlot[slot] as number) + (bytes[i] as number);
    });
    const readUntil = sumsBefore(bySlot);
    const slotAt = new Map(this.#boundaries.map((time, slot) => [time, slot]));
    const read = (fromNs: bigint, toNs: bigint) =>
      toNs < fromNs
        ? 0
        : (readUntil[slotAt.get(toNs) as number] as number) -
          (readUntil[slotAt.get(fromNs) as number] as number);
    const generating = new Int32Array(bySlot.length); // how many more generate from a slot on
    const requests = this.requests.map((request): RequestRead => {
      const { startedAt, promptDoneAt } = request;
      const endedAt = request.endedAt ?? this.endNs;
      const readBytes = read(startedAt, endedAt);
      if (promptDoneAt === null) return { request, promptBytes: null, generationBytes: null, readBytes };
      const generationBytes = read(promptDoneAt, endedAt);
      if (promptDoneAt < endedAt) {
        const [from, to] = [slotAt.get(promptDoneAt) as number, slotAt.get(endedAt) as number];
        generating[from] = (generating[from] as number) + 1;
        generating[to] = (generating[to] as number) - 1;
      }
      return { request, promptBytes: readBytes - generationBytes, generationBytes, readBytes };
    });
    const known = requests.some(({ generationBytes }) => generationBytes !== null);
    return { requests, generationBytes: known ? sumWhereAny(bySlot, generating) : null };
  }
}

/** By slot the bytes of all slots before it. */
function sumsBefore(bySlot: Float64Array): Float64Array {
  let sum = 0;
  return bySlot.map((bytes) => {
    sum += bytes;
    return sum - bytes;
  });
}

/** The bytes of the slots in which one or more are at it; `more`: how many begin in a slot, less those that ended before it. */
function sumWhereAny(bySlot: Float64Array, more: Int32Array): number {
  let [sum, count] = [0, 0];
  bySlot.forEach((bytes, slot) => {
    count += more[slot] as number;
    if (count > 0) sum += bytes;
  });
  return sum;
}

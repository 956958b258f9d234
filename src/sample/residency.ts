import { native } from '../native/binding.js';

/** A piece of a file whose part in the page cache is watched; bytes. */
export interface WatchedPart {
  /** The file, by its index. */
  file: number;
  offset: number;
  bytes: number;
}

/** What of each part was in the page cache at a moment. */
export interface ResidencyLook {
  /** ns, on the block trace's clock. */
  time: bigint;
  /** Bytes, by part. */
  cached: readonly number[];
}

/** Looks between the first and the last: when there are more, each second one is left out, and they come half as often. */
const mostLooks = 24;
const firstEveryNs = 500_000_000n;
/** The kernel walks the index of a file's cached pages: looks may take one part in so many of the time. */
const costShare = 100n;

/**
 * Which parts of the files were in the page cache: before the workload, at some moments of its run, and after it. Where the kernel does
 * not tell, as of files of somebody else, there are no looks.
 */
export class ResidencyWatch {
  readonly #files: { path: string; offsets: BigUint64Array; bytes: BigUint64Array; parts: number[] }[];
  #between: ResidencyLook[] = [];
  #first: ResidencyLook | null = null;
  #last: ResidencyLook | null = null;
  #everyNs = firstEveryNs;
  #nextNs = 0n;

  constructor(
    readonly paths: readonly string[],
    readonly parts: readonly WatchedPart[],
  ) {
    this.#files = paths.map((path, file) => {
      const own = [...parts.keys()].filter((i) => parts[i]?.file === file);
      const column = (key: 'offset' | 'bytes') =>
        BigUint64Array.from(own, (i) => BigInt((parts[i] as WatchedPart)[key]));
      return { path, offsets: column('offset'), bytes: column('bytes'), parts: own };
    });
  }

  /** Looks, unless that would be too soon; `last`: after the workload. */
  look(last = false): void {
    const start = process.hrtime.bigint();
    if (this.parts.length === 0 || (start < this.#nextNs && !last)) return;
    const cached = this.#cached();
    if (!cached) return;
    const look = { time: start, cached };
    if (last) this.#last = look;
    else if (this.#first === null) this.#first = look;
    else this.#keep(look);
    const end = process.hrtime.bigint();
    const rest = (end - start) * costShare;
    this.#nextNs = end + (rest > this.#everyNs ? rest : this.#everyNs);
  }

  /** In order of time; the first is from before the workload. */
  get looks(): readonly ResidencyLook[] {
    return [this.#first, ...this.#between, this.#last].filter((look) => look !== null);
  }

  #keep(look: ResidencyLook): void {
    this.#between.push(look);
    if (this.#between.length <= mostLooks) return;
    this.#between = this.#between.filter((_, i) => i % 2 === 1);
    this.#everyNs *= 2n;
  }

  #cached(): number[] | null {
    const cached = new Array<number>(this.parts.length).fill(0);
    for (const { path, offsets, bytes, parts } of this.#files) {
      if (parts.length === 0) continue;
      const own = native.cachedParts(path, offsets, bytes);
      if (!own) return null;
      for (const [i, part] of parts.entries()) cached[part] = own[i] as number;
    }
    return cached;
  }
}

/** Of files whose tensors are not known: pieces of one size. */
const mostPieces = 256;
const leastPiece = 2 ** 20;

/** Files cut into pieces of one size, whole MiB. */
export function piecesOf(sizes: readonly number[]): WatchedPart[] {
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const piece = Math.max(Math.ceil(total / mostPieces / leastPiece), 1) * leastPiece;
  return sizes.flatMap((size, file) =>
    Array.from({ length: Math.ceil(size / piece) }, (_, i) => ({
      file,
      offset: i * piece,
      bytes: Math.min(piece, size - i * piece),
    })),
  );
}

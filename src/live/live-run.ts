import type { CaptureProgress } from '../capture/progress.js';
import type { Tracer } from '../capture/tracer.js';
import type { Model } from '../model/gguf.js';
import { modelRegions } from '../model/regions.js';
import { native } from '../native/binding.js';
import type { NativeExtents, NativeReads } from '../native/trace.js';
import type { Sample } from '../sample/sample.js';
import type { Mark } from '../workload/engine.js';
import { firstAfter } from './first-after.js';

/** What runs and is looked at. */
export interface WatchedRun {
  tracer: Tracer;
  /** The kernel's number of the disk that the extents are on. */
  device: number;
  /** Of the files, in their order. */
  extents: readonly NativeExtents[];
  /** The model that the files are; null for other files. */
  model: Model | null;
  /** What the machine and the workload are seen to do. */
  samples: readonly Sample[];
}

/** A piece of a file on the disk. Sectors; `place` counts from the start of the first file. */
interface Piece {
  sector: number;
  end: number;
  place: number;
}

interface LiveRegion {
  name: string;
  from: number;
  end: number;
  readBytes: number;
}

/** Smaller regions come and go with their neighbours: they say nothing. */
const leastRegion = 256 * 1024;

/** How many places the map of the last minute tells apart, and how often it gets a column. */
export const mapRows = 12;

/** What a live view shows of a run, worked out from the reads as they come. */
export class LiveRun {
  readBytes = 0;
  otherBytes = 0;
  missed = 0;
  phase = 'start';
  tokens = 0;
  readonly totalBytes: number;
  readonly columns: Float64Array[] = [];
  progress: CaptureProgress | null = null;
  readonly #pieces: Piece[];
  readonly #places: number;
  readonly #regions: LiveRegion[];
  readonly #read = new native.SectorSet();
  readonly #startedMs = performance.now();

  constructor(private readonly watched: WatchedRun) {
    let base = 0;
    this.#pieces = watched.extents.flatMap(({ bytes, fileOffsets, sectors, sectorCounts }) => {
      const from = base;
      base += Math.ceil(bytes / 512);
      return Array.from(sectors, (sector, i) => ({
        sector: Number(sector),
        end: Number(sector) + Number(sectorCounts[i]),
        place: from + Number(fileOffsets[i]) / 512,
      }));
    });
    this.#pieces.sort((a, b) => a.sector - b.sector);
    this.#places = Math.max(base, 1);
    this.totalBytes =
      watched.extents.reduce((sum, { bytes }) => sum + bytes, 0) - 512 * sharedSectors(this.#pieces);
    this.#regions = regionsOf(watched);
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  /** The last that was seen of a metric; null: it is not known. */
  last(metric: string): number | null {
    return this.watched.samples.findLast((sample) => sample.metric === metric)?.value ?? null;
  }

  get uniqueBytes(): number {
    return Math.min(Number(this.#read.size) * 512, this.totalBytes);
  }

  mark({ kind }: Mark): void {
    if (kind === 'started') this.phase = 'load';
    if (kind === 'loaded') this.phase = 'prompt';
    if (kind === 'promptDone') this.phase = 'generation';
    if (kind === 'token') this.tokens++;
  }

  /** Takes what was read since the last call; a column of the map. `mostColumns` are kept. */
  tick(progress: CaptureProgress, mostColumns: number): void {
    this.progress = progress;
    const column = new Float64Array(mapRows);
    const reads = this.watched.tracer.takeReads();
    if (reads) this.#add(reads, column);
    this.columns.push(column);
    if (this.columns.length > mostColumns) this.columns.splice(0, this.columns.length - mostColumns);
  }

  /** The regions of which most bytes were read for each byte of size. */
  hottest(count: number): { name: string; times: number; readBytes: number }[] {
    return this.#regions
      .filter(({ from, end, readBytes }) => readBytes > 0 && end - from >= leastRegion)
      .map(({ name, from, end, readBytes }) => ({ name, readBytes, times: readBytes / (end - from) }))
      .sort((a, b) => b.times - a.times)
      .slice(0, count);
  }

  #add({ sector, sectors, device, missed }: NativeReads, column: Float64Array): void {
    this.missed = missed;
    const starts: bigint[] = [];
    const counts: number[] = [];
    for (let i = 0; i < sector.length; i++) {
      const from = Number(sector[i]);
      const end = from + (sectors[i] as number);
      let own = 0;
      let done = from; // sectors before are counted: files may share some
      if (device[i] === this.watched.device) {
        for (const piece of this.#overlaps(from, end)) {
          const [a, b] = [Math.max(from, piece.sector), Math.min(end, piece.end)];
          own += Math.max(0, b - Math.max(a, done));
          done = Math.max(done, b);
          starts.push(BigInt(a));
          counts.push(b - a);
          this.#addPlace(piece.place + a - piece.sector, b - a, column);
        }
      }
      this.readBytes += own * 512;
      this.otherBytes += ((sectors[i] as number) - own) * 512;
    }
    this.#read.insertMany(BigUint64Array.from(starts), Uint32Array.from(counts));
  }

  #overlaps(from: number, end: number): Piece[] {
    const first = firstAfter(this.#pieces, from, (piece) => piece.end);
    const found: Piece[] = [];
    for (let i = first; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i] as Piece;
      if (piece.sector >= end) break;
      found.push(piece);
    }
    return found;
  }

  /** Sectors from `place` on, in the rows of the map and in the regions. */
  #addPlace(place: number, count: number, column: Float64Array): void {
    const row = Math.min(Math.floor((place * mapRows) / this.#places), mapRows - 1);
    column[row] = (column[row] as number) + count * 512;
    const [from, end] = [place * 512, (place + count) * 512];
    for (let i = firstAfter(this.#regions, from, (region) => region.end); i < this.#regions.length; i++) {
      const region = this.#regions[i] as LiveRegion;
      if (region.from >= end) break;
      region.readBytes += Math.min(end, region.end) - Math.max(from, region.from);
    }
  }
}

/** Of pieces in order of sector: how many sectors lie in one before. */
function sharedSectors(pieces: readonly Piece[]): number {
  let done = 0;
  let shared = 0;
  for (const { sector, end } of pieces) {
    shared += Math.max(0, Math.min(done, end) - sector);
    done = Math.max(done, end);
  }
  return shared;
}

function regionsOf({ model, extents }: WatchedRun): LiveRegion[] {
  if (!model) return [];
  const bases: number[] = [];
  let base = 0;
  for (const { bytes } of extents) {
    bases.push(base);
    base += Math.ceil(bytes / 512) * 512;
  }
  return modelRegions(model)
    .filter(({ part, tensor }) => tensor !== null && bases[part] !== undefined)
    .map(({ part, tensor, expert, offset, bytes }) => {
      const from = (bases[part] as number) + offset;
      const name = expert === null ? `${tensor}` : `${tensor} expert ${expert}`;
      return { name, from, end: from + bytes, readBytes: 0 };
    })
    .sort((a, b) => a.from - b.from);
}

import { native } from '../native/binding.js';
import { openedFiles } from '../process/opened-files.js';
import { firstAfter } from './first-after.js';

/** A piece of a file on the disk; sectors. */
interface Piece {
  path: string;
  from: number;
  end: number;
}

interface Known {
  pieces: readonly Piece[];
  /** It was asked in this span: what it opens now is found in the next. */
  fresh: boolean;
}

/** Processes that are asked for their files in a span. A look takes up to a few ms, and a build starts hundreds of processes a second. */
const mostLooks = 4;

/** Which files processes hold open or have mapped, by where these lie on the disk. */
export class ReaderFiles {
  readonly #known = new Map<number, Known>();
  #looks = 0;

  /** The file of a process that a sector belongs to; null: none that is known. */
  at(pid: number, sector: number): string | null {
    const known = this.#known.get(pid);
    const found = known ? pieceAt(known.pieces, sector) : null;
    if (found || known?.fresh || this.#looks >= mostLooks) return found?.path ?? null;
    this.#looks++;
    const pieces = piecesOf(pid);
    this.#known.set(pid, { pieces, fresh: true });
    return pieceAt(pieces, sector)?.path ?? null;
  }

  /** A new span begins; processes that read nothing in the last are forgotten. */
  renew(readers: ReadonlySet<number>): void {
    this.#looks = 0;
    for (const [pid, known] of this.#known) {
      known.fresh = false;
      if (!readers.has(pid)) this.#known.delete(pid);
    }
  }
}

function pieceAt(pieces: readonly Piece[], sector: number): Piece | null {
  const piece = pieces[firstAfter(pieces, sector, ({ end }) => end)];
  return piece && piece.from <= sector ? piece : null;
}

function piecesOf(pid: number): Piece[] {
  return openedFiles(pid, [pid])
    .flatMap(({ path }) => {
      try {
        const { sectors, sectorCounts } = native.fileExtents(path);
        return Array.from(sectors, (sector, i): Piece => {
          const from = Number(sector);
          return { path, from, end: from + Number(sectorCounts[i]) };
        });
      } catch {
        return []; // on a file system that does not tell: its reads are shown without a file
      }
    })
    .sort((a, b) => a.from - b.from);
}

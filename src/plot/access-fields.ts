import type { AccessGrid } from '../native/access.js';
import type { View } from './figure.js';

/** What is seen of the map: times in seconds, places as shares of the whole, 0 to 1. */
export interface MapView extends View {
  low: number;
  high: number;
}

/** One side of a picture, divided where it has other cells to show; at most one field a pixel. */
interface Side {
  pixels: number;
  /** How many fields. */
  count: number;
  /** The pixel at which each field begins; one more, at which the last one ends. */
  edges: Int32Array;
  /** The first cell of the grid that is seen, and the field of it and of each after it; -1: of none. */
  firstCell: number;
  fieldOf: Int32Array;
}

/**
 * The cells of a grid in a view, in fields of whole pixels: a cell that is smaller than a pixel counts in that in which it begins, one
 * that is larger fills all that begin in it. Field `row * across.count + column`; rows from the bottom, where the file begins. Sectors.
 */
export interface Fields {
  across: Side;
  up: Side;
  first: Float64Array;
  second: Float64Array;
  later: Float64Array;
  reads: Float64Array;
  /** The fields in which anything was read, `count` of them, in no order: most maps are empty for the most part. */
  touched: Uint32Array;
  count: number;
  /** By field: 1 where it is among these. */
  seen: Uint8Array;
}

/** `from` and `to`: the ends of the view, of a side that is `whole` long and has so many cells. */
function sideOf(cells: number, whole: number, from: number, to: number, pixels: number): Side {
  const pixelOf = (cell: number) =>
    Math.floor((((cell * whole) / cells - from) / (to - from)) * pixels + 1e-6);
  const firstCell = Math.max(Math.floor((from / whole) * cells), 0);
  const end = Math.min(Math.ceil((to / whole) * cells), cells);
  const edges = new Int32Array(pixels + 1);
  const fieldOf = new Int32Array(Math.max(end - firstCell, 0)).fill(-1);
  let count = 0;
  let stop = 0;
  for (let cell = firstCell; cell < end; cell++) {
    const begins = pixelOf(cell);
    stop = Math.min(Math.max(pixelOf(cell + 1), begins + 1), pixels);
    if (stop <= 0 || begins >= pixels) continue;
    const start = Math.max(begins, 0);
    if (count === 0 || start > (edges[count - 1] as number)) edges[count++] = start;
    edges[count] = stop;
    fieldOf[cell - firstCell] = count - 1;
  }
  return { pixels, count, edges, firstCell, fieldOf };
}

function blank(across: Side, up: Side): Fields {
  const room = across.pixels * up.pixels;
  const make = () => new Float64Array(room);
  return {
    ...{ across, up, first: make(), second: make(), later: make(), reads: make() },
    ...{ touched: new Uint32Array(room), count: 0, seen: new Uint8Array(room) },
  };
}

/** The same, empty again, for other sides. */
function wiped(fields: Fields, across: Side, up: Side): Fields {
  for (let i = 0; i < fields.count; i++) {
    const at = fields.touched[i] as number;
    fields.first[at] = fields.second[at] = fields.later[at] = fields.reads[at] = 0;
    fields.seen[at] = 0;
  }
  return Object.assign(fields, { across, up, count: 0 });
}

/**
 * `whole`: seconds that the grid spans. `before`: fields that nobody needs any more; their memory is used again where it suffices, since
 * megabytes for each picture are what would make it slow.
 */
export function fieldsOf(
  grid: AccessGrid,
  whole: number,
  view: MapView,
  width: number,
  height: number,
  before?: Fields,
): Fields {
  const { times, places, cell } = grid;
  const across = sideOf(times, whole, view.from, view.to, width);
  const up = sideOf(places, 1, view.low, view.high, height);
  const fits = before !== undefined && before.seen.length >= width * height;
  const fields = fits ? wiped(before, across, up) : blank(across, up);
  let i = firstCellFrom(cell, across.firstCell * places);
  for (let k = 0; k < across.fieldOf.length; k++) {
    const column = across.fieldOf[k] as number;
    const from = (across.firstCell + k) * places;
    const end = firstCellFrom(cell, from + places, i);
    if (column >= 0) addColumn(fields, grid, column, i, end, from);
    i = end;
  }
  return fields;
}

/** Cells `i` to before `end`, of one time; `from`: the number that the cell of its lowest place has. */
function addColumn(
  fields: Fields,
  grid: AccessGrid,
  column: number,
  i: number,
  end: number,
  from: number,
): void {
  const { across, up, first, second, later, reads, touched, seen } = fields;
  const { firstCell, fieldOf } = up;
  for (let k = i; k < end; k++) {
    const row = fieldOf[(grid.cell[k] as number) - from - firstCell];
    if (row === undefined || row < 0) continue;
    const at = row * across.count + column;
    if (seen[at] === 0) {
      seen[at] = 1;
      touched[fields.count++] = at;
    }
    first[at] = (first[at] as number) + (grid.first[k] as number);
    second[at] = (second[at] as number) + (grid.second[k] as number);
    later[at] = (later[at] as number) + (grid.later[k] as number);
    reads[at] = (reads[at] as number) + (grid.reads[k] as number);
  }
}

/** The index of the first cell, from `low` on, whose number is at least `from`. */
function firstCellFrom(cell: Uint32Array, from: number, low = 0): number {
  let high = cell.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cell[middle] as number) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the cell at a time in seconds and a place as a share; null where nothing was read. */
export function cellAt(
  { times, places, cell }: AccessGrid,
  whole: number,
  time: number,
  place: number,
): number | null {
  const column = Math.min(Math.floor((time / whole) * times), times - 1);
  const number = column * places + Math.min(Math.floor(place * places), places - 1);
  const found = firstCellFrom(cell, number);
  return cell[found] === number ? found : null;
}

export function sectorsIn({ first, second, later }: Fields, field: number): number {
  return (first[field] as number) + (second[field] as number) + (later[field] as number);
}

/** How many pixels have something. */
export function pixelsFilled({ across, up, touched, count }: Fields): number {
  let filled = 0;
  for (let k = 0; k < count; k++) {
    const field = touched[k] as number;
    const row = Math.floor(field / across.count);
    filled += widthOf(across, field - row * across.count) * widthOf(up, row);
  }
  return filled;
}

function widthOf({ edges }: Side, field: number): number {
  return (edges[field + 1] as number) - (edges[field] as number);
}

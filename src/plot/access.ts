import { greatest } from '../extremes.js';
import type { AccessGrid } from '../native/access.js';
import type { FigureTable, PlotFigure, View } from './figure.js';
import { bottomAxis, byteAxis, leftAxis, legend, linearAxis } from './frame.js';
import { bytes, seconds } from './numbers.js';
import { oncePerRun } from './once-per-run.js';
import type { PlacedRegion, RunData } from './run-data.js';
import { el, picture, type Size, type Svg, text } from './svg.js';
import { type Hue, heatColour, hueColour, hues } from './theme.js';

export const colourModes = ['role', 'times', 'size'] as const;
export type ColourMode = (typeof colourModes)[number];

export const orderModes = ['file', 'disk'] as const;
export type OrderMode = (typeof orderModes)[number];

/** What is seen of the map: times in seconds, places as shares of the whole, 0 to 1. */
export interface MapView extends View {
  low: number;
  high: number;
}

/** What was read in each pixel; rows from the bottom, where the file begins. Sectors. */
export interface Pixels {
  width: number;
  height: number;
  first: Float64Array;
  second: Float64Array;
  later: Float64Array;
  reads: Float64Array;
  /** The pixels in which anything was read, `count` of them, in no order: most maps are empty for the most part. */
  touched: Uint32Array;
  count: number;
  /** By pixel: 1 where it is among these. */
  seen: Uint8Array;
}

function blankPixels(width: number, height: number): Pixels {
  const make = () => new Float64Array(width * height);
  return {
    ...{ width, height, first: make(), second: make(), later: make(), reads: make() },
    ...{ touched: new Uint32Array(width * height), count: 0, seen: new Uint8Array(width * height) },
  };
}

/** The same, empty again. */
function wiped(pixels: Pixels): Pixels {
  for (let i = 0; i < pixels.count; i++) {
    const pixel = pixels.touched[i] as number;
    pixels.first[pixel] = pixels.second[pixel] = pixels.later[pixel] = pixels.reads[pixel] = 0;
  }
  pixels.count = 0;
  pixels.seen.fill(0);
  return pixels;
}

/**
 * The cells of a grid in a view, as pixels. A cell that is smaller than a pixel counts in that in which it begins; one that is larger fills
 * all that begin in it with what it has. `before`: pixels that nobody needs any more, to be used again where they have the same size.
 */
export function pixelsOf(
  grid: AccessGrid,
  whole: number,
  view: MapView,
  width: number,
  height: number,
  before?: Pixels,
): Pixels {
  const pixels =
    before?.width === width && before.height === height ? wiped(before) : blankPixels(width, height);
  const { times, places, cell } = grid;
  const { first, second, later, reads, touched, seen } = pixels;
  const xOf = (time: number) =>
    Math.floor((((time * whole) / times - view.from) / (view.to - view.from)) * width + 1e-6);
  const yOf = (place: number) =>
    Math.floor(((place / places - view.low) / (view.high - view.low)) * height + 1e-6);
  const rowFrom = new Int32Array(places + 1);
  for (let place = 0; place <= places; place++) rowFrom[place] = yOf(place);
  let { count } = pixels;
  let i = firstCell(cell, Math.floor((view.from / whole) * times) * places);
  const end = Math.ceil((view.to / whole) * times) * places;
  for (; i < cell.length && (cell[i] as number) < end; i++) {
    const at = cell[i] as number;
    const time = Math.floor(at / places);
    const place = at - time * places;
    const [x0, y0] = [xOf(time), rowFrom[place] as number];
    const x1 = Math.min(Math.max(xOf(time + 1), x0 + 1), width);
    const y1 = Math.min(Math.max(rowFrom[place + 1] as number, y0 + 1), height);
    for (let y = Math.max(y0, 0); y < y1; y++) {
      for (let x = Math.max(x0, 0); x < x1; x++) {
        const pixel = y * width + x;
        if (seen[pixel] === 0) {
          seen[pixel] = 1;
          touched[count++] = pixel;
        }
        first[pixel] = (first[pixel] as number) + (grid.first[i] as number);
        second[pixel] = (second[pixel] as number) + (grid.second[i] as number);
        later[pixel] = (later[pixel] as number) + (grid.later[i] as number);
        reads[pixel] = (reads[pixel] as number) + (grid.reads[i] as number);
      }
    }
  }
  pixels.count = count;
  return pixels;
}

/** The first cell whose number is at least `from`. */
function firstCell(cell: Uint32Array, from: number): number {
  let [low, high] = [0, cell.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cell[middle] as number) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Offset in the files of a place, by the order that is shown; null where the disk's extents have none. */
export function offsetAt(run: RunData, order: OrderMode, place: number): number | null {
  if (!run.access) return null;
  if (order === 'file') return place * run.access.byFile.sectors * 512;
  const at = place * run.access.byDisk.sectors * 512;
  const { extents, ends } = diskOrder(run);
  const found = extents[firstAbove(ends, at)];
  return found ? found.extent.offset + at - found.from : null;
}

/** The extents as the disk has them, each with the bytes of those before it, and where each ends. */
const diskOrder = oncePerRun(({ extents }) => {
  let from = 0;
  const ordered = extents
    .toSorted((a, b) => a.sector - b.sector)
    .map((extent) => {
      from += extent.bytes;
      return { extent, from: from - extent.bytes };
    });
  return { extents: ordered, ends: ordered.map(({ extent, from: start }) => start + extent.bytes) };
});

/** The index of the first of ascending values that is above `value`. */
function firstAbove(values: readonly number[], value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The tensor, or expert's slice, at an offset. */
export function regionAt(regions: readonly PlacedRegion[], offset: number): PlacedRegion | null {
  let [low, high] = [0, regions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { offset: from, bytes: size } = regions[middle] as PlacedRegion;
    if (from + size <= offset) low = middle + 1;
    else high = middle;
  }
  const found = regions[low];
  return found && found.offset <= offset ? found : null;
}

/** Roles by how many bytes they have; the largest have a hue of their own. */
const roleHues = oncePerRun(({ regions }): Map<string, Hue> => {
  const sizes = new Map<string, number>();
  for (const { role, bytes: size } of regions) sizes.set(role, (sizes.get(role) ?? 0) + size);
  const roles = [...sizes].sort((a, b) => b[1] - a[1]).map(([role]) => role);
  return new Map(roles.map((role, i) => [role, hues[Math.min(i, hues.length - 1)] as Hue]));
});

const timesHues: { name: string; hue: Hue }[] = [
  { name: 'for the first time', hue: 'sky' },
  { name: 'the second time', hue: 'orange' },
  { name: 'again', hue: 'red' },
];

/** Mean sizes of reads, up to which a step of colour goes. */
const sizeSteps = [16384, 65536, 262144, 1048576, Number.POSITIVE_INFINITY] as const;

/** By pixel: which of the colours of a mode, from 0, and how much of it, above 0 to 1; -1: nothing was read. */
export interface Painted {
  colours: readonly { name: string; colour: string }[];
  index: Int8Array;
  strength: Float32Array;
}

export function paint(
  run: RunData,
  pixels: Pixels,
  view: MapView,
  mode: ColourMode,
  order: OrderMode,
): Painted {
  const { width, height } = pixels;
  const index = new Int8Array(width * height).fill(-1);
  const strength = new Float32Array(width * height);
  let most = 0;
  for (let k = 0; k < pixels.count; k++)
    most = Math.max(most, sectorsIn(pixels, pixels.touched[k] as number));
  const roles = roleHues(run);
  const names = [...roles.keys()];
  const rowRole = Array.from({ length: height }, (_, y) => {
    const offset = offsetAt(run, order, view.low + ((y + 0.5) / height) * (view.high - view.low));
    const region = offset === null ? null : regionAt(run.regions, offset);
    return region ? names.indexOf(region.role) : names.length;
  });
  for (let k = 0; k < pixels.count; k++) {
    const i = pixels.touched[k] as number;
    const sectors = sectorsIn(pixels, i);
    if (sectors === 0) continue;
    strength[i] = 0.35 + 0.65 * (Math.log1p(sectors) / Math.log1p(most));
    if (mode === 'role') index[i] = rowRole[Math.floor(i / width)] as number;
    else if (mode === 'times')
      index[i] = mostOf([pixels.first[i] as number, pixels.second[i] as number, pixels.later[i] as number]);
    else
      index[i] = sizeSteps.findIndex(
        (limit) => (sectors * 512) / Math.max(pixels.reads[i] as number, 1) < limit,
      );
  }
  return { colours: coloursOf(roles, mode), index, strength };
}

function coloursOf(roles: ReadonlyMap<string, Hue>, mode: ColourMode): Painted['colours'] {
  if (mode === 'role')
    return [
      ...[...roles].map(([name, hue]) => ({ name, colour: hueColour(hue) })),
      { name: 'other files', colour: hueColour('grey') },
    ];
  if (mode === 'times') return timesHues.map(({ name, hue }) => ({ name, colour: hueColour(hue) }));
  return sizeSteps.map((limit, i) => ({
    name: Number.isFinite(limit) ? `under ${bytes(limit)}` : 'larger',
    colour: heatColour((i + 0.5) / sizeSteps.length),
  }));
}

function sectorsIn({ first, second, later }: Pixels, i: number): number {
  return (first[i] as number) + (second[i] as number) + (later[i] as number);
}

function mostOf(values: readonly number[]): number {
  return values.indexOf(greatest(values));
}

export const accessMargins = { left: 74, right: 12, top: 34, bottom: 36 };

/** All around the map itself: axes, phases, tokens, layers. */
export function accessFrame(run: RunData, view: MapView, size: Size, order: OrderMode): Svg[] {
  const { left, right: margin, top, bottom } = accessMargins;
  const box = { left, top, right: size.width - margin, bottom: size.height - bottom };
  const x = linearAxis(view, { from: box.left, to: box.right }, Math.max(3, size.width / 90), seconds);
  const whole = (order === 'file' ? run.access?.byFile.sectors : run.access?.byDisk.sectors) ?? 0;
  const place = (value: number) =>
    box.bottom - ((value / (whole * 512) - view.low) / (view.high - view.low)) * (box.bottom - box.top);
  const ticks = byteAxis(
    whole * 512,
    { from: 0, to: 1 },
    Math.round(5 / Math.max(view.high - view.low, 0.01)),
    bytes,
  ).ticks;
  const y = {
    at: place,
    ticks: ticks.filter(({ value }) => place(value) <= box.bottom + 0.5 && place(value) >= box.top - 0.5),
  };
  const inView = (time: number) => time >= view.from && time <= view.to;
  const phases = run.phases
    .filter(({ from, to }) => to > view.from && from < view.to)
    .map(({ name, from, to }, i) => {
      const [x0, x1] = [x.at(Math.max(from, view.from)), x.at(Math.min(to, view.to))];
      const told = x1 - x0 > name.length * 7.5 + 6 ? text(x0 + 3, top - 8, name, { class: 'strong' }) : '';
      return (
        el('rect', {
          x: x0,
          y: top - 18,
          width: Math.max(x1 - x0, 0.5),
          height: 14,
          class: `f-${hues[(i + 2) % hues.length]}`,
          'fill-opacity': 0.25,
        }) + told
      );
    });
  const tokens = run.tokens.filter(inView);
  const lines =
    tokens.length * 4 > box.right - box.left
      ? []
      : tokens.map((time) =>
          el('line', {
            x1: x.at(time),
            x2: x.at(time),
            y1: top - 4,
            y2: box.bottom,
            class: 'axis',
            'stroke-opacity': 0.35,
          }),
        );
  return [
    text(8, 11, order === 'file' ? 'place in the model' : 'place on the disk, piece after piece', {
      class: 'strong',
    }),
    ...leftAxis(box, y),
    ...bottomAxis(box, x, 'seconds from the start of the trace'),
    ...phases,
    ...lines,
    ...(order === 'file' ? layerTicks(run, place, box) : []),
  ];
}

function layerTicks(
  { regions }: RunData,
  place: (offset: number) => number,
  box: { left: number; top: number; bottom: number },
): Svg[] {
  let last: number | null = null;
  const starts = regions.flatMap(({ layer, offset }) => {
    const begins = layer !== last;
    last = layer;
    return begins && layer !== null ? [{ layer, y: place(offset) }] : [];
  });
  const inside = starts.filter(({ y }) => y >= box.top && y <= box.bottom);
  let lastTold = Number.POSITIVE_INFINITY;
  return inside.map(({ layer, y }) => {
    const tick = el('line', { x1: box.left - 3, x2: box.left + 3, y1: y, y2: y, class: 'axis' });
    if (lastTold - y < 11) return tick;
    lastTold = y;
    return tick + text(box.left + 5, y - 1.5, `${layer}`, { class: 'tick', style: 'font-size:8px' });
  });
}

/** The map as vectors, for files: pixels of a point and a half, those of one colour and strength in one path. */
export function accessFigure(
  run: RunData,
  mode: ColourMode = 'role',
  order: OrderMode = 'file',
  span: View = { from: 0, to: run.seconds },
): PlotFigure | null {
  const { access } = run;
  if (!access || access.byFile.cell.length === 0) return null;
  const grid = order === 'file' ? access.byFile : access.byDisk;
  const view: MapView = { ...span, low: 0, high: 1 };
  return {
    kind: 'access',
    title: 'Access map',
    note: 'When which part of the model was read.',
    heightFor: (width) => Math.min(Math.max(width * 0.55, 240), 520),
    draw: (size) => {
      const { left, right, top, bottom } = accessMargins;
      const colours = paint(run, pixelsOf(grid, run.seconds, view, 1, 1), view, mode, order).colours;
      const room = { width: size.width - left - right, height: size.height - top - bottom - keyRoom };
      const pixels = pixelsOf(
        grid,
        run.seconds,
        view,
        Math.round(room.width / 1.5),
        Math.round(room.height / 1.5),
      );
      const painted = paint(run, pixels, view, mode, order);
      const used = colours.filter((_, i) => painted.index.includes(i));
      const names = used.map(({ name }, i) => ({ name, className: `access-${i}` }));
      const key = legend({ left: 8, top: size.height - keyRoom + 14, right: size.width - right }, names);
      const style = used.map(({ colour }, i) => `.f-access-${i}{fill:${colour}}`).join('');
      return picture(size, 'Access map', [
        ...accessFrame(run, view, { width: size.width, height: size.height - keyRoom }, order),
        ...paths(painted, pixels, { left, top, ...room }),
        el('style', {}, style),
        ...key.svg,
      ]);
    },
    table: (): FigureTable => ({
      columns: ['seconds', 'file_offset', 'first_bytes', 'second_bytes', 'later_bytes', 'reads'],
      rows: Array.from(access.byFile.cell, (cell, i) => {
        const { times, places, sectors, first, second, later, reads } = access.byFile;
        const time = Math.floor(cell / places);
        return [
          (time * run.seconds) / times,
          Math.floor(((cell % places) * sectors) / places) * 512,
          ...[first, second, later].map((values) => (values[i] as number) * 512),
          reads[i] as number,
        ];
      }),
    }),
  };
}

/** Below the map, for what its colours mean. */
const keyRoom = 36;

const strengths = 4;

function paths(
  { colours, index, strength }: Painted,
  { width, height }: Pixels,
  at: { left: number; top: number } & Size,
): Svg[] {
  const [w, h] = [at.width / width, at.height / height];
  const d = new Map<number, string[]>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const of = (i: number) =>
        (index[i] as number) < 0
          ? -1
          : (index[i] as number) * strengths +
            Math.min(Math.floor((strength[i] as number) * strengths), strengths - 1);
      const kind = of(y * width + x);
      let end = x + 1;
      while (end < width && of(y * width + end) === kind) end++;
      if (kind >= 0) {
        const runs = d.get(kind) ?? [];
        d.set(kind, runs);
        runs.push(
          `M${(at.left + x * w).toFixed(1)} ${(at.top + at.height - (y + 1) * h).toFixed(1)}h${((end - x) * w).toFixed(1)}v${h.toFixed(2)}h-${((end - x) * w).toFixed(1)}z`,
        );
      }
      x = end;
    }
  }
  return [...d].map(([kind, runs]) =>
    el('path', {
      d: runs.join(''),
      fill: colours[Math.floor(kind / strengths)]?.colour,
      'fill-opacity': ((kind % strengths) + 1) / strengths,
    }),
  );
}

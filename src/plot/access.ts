import { greatest } from '../extremes.js';
import { type Fields, fieldsOf, type MapView, sectorsIn } from './access-fields.js';
import type { FigureTable, PlotFigure, View } from './figure.js';
import { bottomAxis, byteAxis, leftAxis, legend, linearAxis } from './frame.js';
import type { ColourMode, OrderMode } from './kinds.js';
import { bytes, seconds } from './numbers.js';
import { oncePerRun } from './once-per-run.js';
import type { PlacedRegion, RunData } from './run-data.js';
import { el, picture, type Size, type Svg, text } from './svg.js';
import { type Hue, heatColour, hueColour, hues } from './theme.js';

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

/** How the fields of a map are coloured. */
export interface Painted {
  colours: readonly { name: string; colour: string }[];
  /** Which of the colours each touched field has, or, where that goes by place, each row of pixels. */
  byField: Int8Array | null;
  byRow: Int8Array | null;
  /** Of each touched field, above 0 to 1. */
  strength: Float32Array;
}

export function paint(
  run: RunData,
  fields: Fields,
  view: MapView,
  mode: ColourMode,
  order: OrderMode,
): Painted {
  const { count, touched } = fields;
  let most = 0;
  for (let k = 0; k < count; k++) most = Math.max(most, sectorsIn(fields, touched[k] as number));
  const strength = new Float32Array(count);
  for (let k = 0; k < count; k++)
    strength[k] = 0.35 + 0.65 * (Math.log1p(sectorsIn(fields, touched[k] as number)) / Math.log1p(most));
  const roles = roleHues(run);
  return {
    colours: coloursOf(roles, mode),
    ...(mode === 'role'
      ? { byField: null, byRow: roleOfRows(run, [...roles.keys()], view, order, fields.up.pixels) }
      : { byField: mode === 'times' ? timesOfFields(fields) : sizesOfFields(fields), byRow: null }),
    strength,
  };
}

function roleOfRows(
  run: RunData,
  roles: readonly string[],
  { low, high }: MapView,
  order: OrderMode,
  height: number,
): Int8Array {
  return Int8Array.from({ length: height }, (_, y) => {
    const offset = offsetAt(run, order, low + ((y + 0.5) / height) * (high - low));
    const region = offset === null ? null : regionAt(run.regions, offset);
    return region ? roles.indexOf(region.role) : roles.length;
  });
}

function timesOfFields({ touched, count, first, second, later }: Fields): Int8Array {
  return Int8Array.from({ length: count }, (_, k) => {
    const field = touched[k] as number;
    return mostOf([first[field] as number, second[field] as number, later[field] as number]);
  });
}

function sizesOfFields(fields: Fields): Int8Array {
  return Int8Array.from({ length: fields.count }, (_, k) => {
    const field = fields.touched[k] as number;
    const mean = (sectorsIn(fields, field) * 512) / Math.max(fields.reads[field] as number, 1);
    return sizeSteps.findIndex((limit) => mean < limit);
  });
}

/** The colours that are seen. */
export function usedColours(fields: Fields, painted: Painted): Painted['colours'] {
  const used = new Uint8Array(painted.colours.length);
  eachSpan(fields, painted, (_row, _from, _to, colour) => {
    used[colour] = 1;
  });
  return painted.colours.filter((_, i) => used[i] === 1);
}

/** Calls `draw` for each row of pixels of each touched field: pixels `from` to before `to`, rows from the bottom. */
export function eachSpan(
  { across, up, touched, count }: Fields,
  { byField, byRow, strength }: Painted,
  draw: (row: number, from: number, to: number, colour: number, strength: number) => void,
): void {
  for (let k = 0; k < count; k++) {
    const field = touched[k] as number;
    const y = Math.floor(field / across.count);
    const x = field - y * across.count;
    const [from, to] = [across.edges[x] as number, across.edges[x + 1] as number];
    const end = up.edges[y + 1] as number;
    for (let row = up.edges[y] as number; row < end; row++)
      draw(row, from, to, (byField ? byField[k] : byRow?.[row]) as number, strength[k] as number);
  }
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
      const room = { width: size.width - left - right, height: size.height - top - bottom - keyRoom };
      const [across, upwards] = [Math.round(room.width / 1.5), Math.round(room.height / 1.5)];
      const fields = fieldsOf(grid, run.seconds, view, across, upwards);
      const painted = paint(run, fields, view, mode, order);
      const used = usedColours(fields, painted);
      const names = used.map(({ name }, i) => ({ name, className: `access-${i}` }));
      const key = legend({ left: 8, top: size.height - keyRoom + 14, right: size.width - right }, names);
      const style = used.map(({ colour }, i) => `.f-access-${i}{fill:${colour}}`).join('');
      return picture(size, 'Access map', [
        ...accessFrame(run, view, { width: size.width, height: size.height - keyRoom }, order),
        ...paths(fields, painted, { left, top, ...room }),
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

function paths(fields: Fields, painted: Painted, at: { left: number; top: number } & Size): Svg[] {
  const [width, height] = [fields.across.pixels, fields.up.pixels];
  const [w, h] = [at.width / width, at.height / height];
  const kinds = new Int16Array(width * height).fill(-1);
  eachSpan(fields, painted, (row, from, to, colour, strength) => {
    const step = Math.min(Math.floor(strength * strengths), strengths - 1);
    kinds.fill(colour * strengths + step, row * width + from, row * width + to);
  });
  const d = new Map<number, string[]>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const kind = kinds[y * width + x] as number;
      let end = x + 1;
      while (end < width && kinds[y * width + end] === kind) end++;
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
      fill: painted.colours[Math.floor(kind / strengths)]?.colour,
      'fill-opacity': ((kind % strengths) + 1) / strengths,
    }),
  );
}

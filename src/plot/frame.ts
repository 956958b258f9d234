import { scaleLinear, scaleLog } from 'd3-scale';
import { byteTicks } from './numbers.js';
import { el, type Svg, text } from './svg.js';

/** The part of a picture that a graph fills, in its units. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Axis {
  /** From a value to its place. */
  at(value: number): number;
  /** Values and how they are told. */
  ticks: { value: number; label: string }[];
}

interface Range {
  from: number;
  to: number;
}

/** `from` and `to`: the places of both ends. */
export function linearAxis(
  domain: Range,
  place: Range,
  count: number,
  told: (value: number) => string,
): Axis {
  const to = domain.to > domain.from ? domain.to : domain.from + 1;
  const scale = scaleLinear().domain([domain.from, to]).range([place.from, place.to]);
  return { at: scale, ticks: scale.ticks(count).map((value) => ({ value, label: told(value) })) };
}

/** From 0 up, for sizes: ticks are whole MiB or GiB. */
export function byteAxis(most: number, place: Range, count: number, told: (value: number) => string): Axis {
  const to = most > 0 ? most : 1;
  const scale = scaleLinear().domain([0, to]).range([place.from, place.to]);
  return { at: scale, ticks: byteTicks(to, count).map((value) => ({ value, label: told(value) })) };
}

/** By decades; both ends above 0. */
export function logAxis(domain: Range, place: Range, told: (value: number) => string): Axis {
  const from = Math.max(domain.from, Number.MIN_VALUE);
  const to = Math.max(domain.to, from * 1.0001);
  const scale = scaleLog().domain([from, to]).range([place.from, place.to]);
  const decades = scale.ticks().filter((value) => Math.abs(Math.log10(value) % 1) < 1e-9);
  const values = decades.length >= 2 ? decades : scale.ticks(4);
  return { at: scale, ticks: values.map((value) => ({ value, label: told(value) })) };
}

/** Below a graph, with lines up through it. */
export function bottomAxis(box: Box, axis: Axis, label = ''): Svg[] {
  const marks = apart(axis, 58).map(({ value, label: told }) => {
    const x = axis.at(value);
    const grid = el('line', { x1: x, x2: x, y1: box.top, y2: box.bottom, class: 'grid' });
    // The last label may not reach beyond the picture, whose margin is narrow there.
    const over = x + told.length * 3.1 > box.right + 10;
    return told
      ? grid +
          text(over ? box.right + 10 : x, box.bottom + 13, told, {
            class: 'tick',
            'text-anchor': over ? 'end' : 'middle',
          })
      : grid;
  });
  const words = label
    ? [text((box.left + box.right) / 2, box.bottom + 27, label, { class: 'faint', 'text-anchor': 'middle' })]
    : [];
  return [
    ...marks,
    el('line', { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: 'axis' }),
    ...words,
  ];
}

/** At the left of a graph, with lines through it; what it shows stands above. */
export function leftAxis(box: Box, axis: Axis, label = ''): Svg[] {
  const marks = axis.ticks.map(({ value, label: told }) => {
    const y = axis.at(value);
    return [
      el('line', { x1: box.left, x2: box.right, y1: y, y2: y, class: 'grid' }),
      text(box.left - 5, y + 3.5, told, { class: 'tick', 'text-anchor': 'end' }),
    ].join('');
  });
  return label ? [...marks, text(box.left, box.top - 6, label, { class: 'strong' })] : marks;
}

/** Ticks whose labels do not run into one another. */
function apart({ at, ticks }: Axis, room: number): Axis['ticks'] {
  const kept: Axis['ticks'] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const tick of ticks) {
    const x = at(tick.value);
    const width = Math.min(room, 12 + tick.label.length * 6);
    if (Math.abs(x - last) < width) continue;
    kept.push(tick);
    last = x;
  }
  return kept;
}

/** Names with their colours, one after the other, in as many lines as they need. Returns the lines' number, too. */
export function legend(
  at: { left: number; top: number; right: number },
  entries: readonly { name: string; className: string; dash?: string }[],
): { svg: Svg[]; lines: number } {
  let x = at.left;
  let line = 0;
  const svg = entries.map(({ name, className, dash }) => {
    const width = 20 + name.length * 6.6;
    if (x > at.left && x + width > at.right) {
      x = at.left;
      line++;
    }
    const y = at.top + line * 15;
    const mark =
      dash === undefined
        ? el('rect', { x, y: y - 8, width: 10, height: 9, class: `f-${className}` })
        : el('line', {
            x1: x,
            x2: x + 14,
            y1: y - 3,
            y2: y - 3,
            class: `line s-${className}`,
            'stroke-dasharray': dash || undefined,
          });
    const words = text(x + (dash === undefined ? 14 : 18), y, name);
    x += width + 8;
    return mark + words;
  });
  return { svg, lines: line + 1 };
}

/** How many lines a legend takes in so much room. */
export function legendLines(
  entries: readonly { name: string; className: string; dash?: string }[],
  width: number,
): number {
  return legend({ left: 0, top: 0, right: width }, entries).lines;
}

import { greatest, smallest } from '../extremes.js';
import type { FigureTable, PlotFigure } from './figure.js';
import { type Axis, type Box, bottomAxis, byteAxis, leftAxis, linearAxis } from './frame.js';
import { bytes, short } from './numbers.js';
import { el, escaped, picture, type Size, type Svg, text } from './svg.js';

/** What is foreseen: most likely, and within what. */
interface Range {
  low: number;
  likely: number;
  high: number;
}

/** A group of runs of which another run's advice foresaw what they would do. */
export interface ForeseenPoint {
  name: string;
  /** The run that it was foreseen from. */
  from: string;
  bytesPerToken: { foreseen: Range; measured: readonly number[] };
  tokensPerSecond: { foreseen: Range; measured: readonly number[] };
}

/** What the model of the page cache foresaw of each group against what was measured: on the diagonal both are the same. */
export function foreseenFigure(points: readonly ForeseenPoint[]): PlotFigure | null {
  if (points.length === 0) return null;
  return {
    kind: 'foreseen',
    title: 'Foreseen against measured',
    note: `What blkscope advise says of ${[...new Set(points.map(({ from }) => from))].join(', ')} would happen under the conditions of the other runs, and what did. On the dashed diagonal both are the same. Lines through a point: the range that was foreseen, and the spread of repeats.`,
    heightFor: (width) => (sideBySide(width) ? Math.min(width / 2, 440) : 2 * width * 0.8),
    draw: (size) => draw(points, size),
    table: (): FigureTable => ({
      columns: ['group', 'foreseen_from', 'figure', 'low', 'likely', 'high', 'measured'],
      rows: points.flatMap(({ name, from, ...figures }) =>
        (['bytesPerToken', 'tokensPerSecond'] as const).flatMap((figure) => {
          const { foreseen, measured } = figures[figure];
          return measured.map((value) => [
            ...[name, from, figure],
            ...[foreseen.low, foreseen.likely, foreseen.high, value],
          ]);
        }),
      ),
    }),
  };
}

const sideBySide = (width: number) => width >= 620;

function draw(points: readonly ForeseenPoint[], size: Size): Svg {
  const beside = sideBySide(size.width);
  const half = beside
    ? { width: size.width / 2, height: size.height }
    : { width: size.width, height: size.height / 2 };
  const second = beside ? `translate(${half.width} 0)` : `translate(0 ${half.height})`;
  return picture(size, 'Foreseen against measured', [
    ...graph(points, 'bytesPerToken', half),
    el('g', { transform: second }, graph(points, 'tokensPerSecond', half)),
  ]);
}

const words = {
  bytesPerToken: { title: 'read for a token, measured', below: 'read for a token, foreseen', told: bytes },
  tokensPerSecond: { title: 'tokens/s, measured', below: 'tokens/s, foreseen', told: short },
} as const;

function graph(points: readonly ForeseenPoint[], key: keyof typeof words, size: Size): Svg[] {
  const { title, below, told } = words[key];
  const box = { left: 66, top: 30, right: size.width - 18, bottom: size.height - 38 };
  const known = points.filter((point) => point[key].measured.length > 0);
  const all = known.flatMap((point) => [point[key].foreseen.high, ...point[key].measured]);
  const most = Math.max(greatest(all), 1e-9) * 1.06;
  const axis = (place: { from: number; to: number }, count: number) =>
    key === 'bytesPerToken'
      ? byteAxis(most, place, count, told)
      : linearAxis({ from: 0, to: most }, place, count, told);
  const x = axis({ from: box.left, to: box.right }, Math.max(3, (box.right - box.left) / 110));
  const y = axis({ from: box.bottom, to: box.top }, 5);
  return [
    ...leftAxis(box, y, title),
    ...bottomAxis(box, x, below),
    el('line', {
      ...{ x1: x.at(0), y1: y.at(0), x2: x.at(most), y2: y.at(most) },
      ...{ class: 'axis', 'stroke-dasharray': '4 3' },
    }),
    ...known.flatMap((point) => marks(point, key, x, y)),
    ...names(known, key, x, y, box),
  ];
}

const placeOf = (point: ForeseenPoint, key: keyof typeof words, x: Axis, y: Axis) => {
  const { foreseen, measured } = point[key];
  const mean = measured.reduce((sum, value) => sum + value, 0) / measured.length;
  return { mean, cx: x.at(foreseen.likely), cy: y.at(mean) };
};

function marks(point: ForeseenPoint, key: keyof typeof words, x: Axis, y: Axis): Svg[] {
  const { foreseen, measured } = point[key];
  const { told } = words[key];
  const { mean, cx, cy } = placeOf(point, key, x, y);
  const name = `${point.name}: foreseen ${told(foreseen.likely)} (${told(foreseen.low)} to ${told(foreseen.high)}), measured ${told(mean)} in ${measured.length} ${measured.length === 1 ? 'run' : 'runs'}`;
  const line = (x1: number, y1: number, x2: number, y2: number) =>
    el('line', { x1, y1, x2, y2, class: 'line s-blue', 'stroke-opacity': 0.6 });
  return [
    line(x.at(foreseen.low), cy, x.at(foreseen.high), cy),
    line(cx, y.at(smallest(measured)), cx, y.at(greatest(measured))),
    el('circle', { cx, cy, r: 4, class: 'f-blue' }, el('title', {}, escaped(name))),
  ];
}

/** Of points as far as they do not run into one another; all have them as titles. */
function names(points: readonly ForeseenPoint[], key: keyof typeof words, x: Axis, y: Axis, box: Box): Svg[] {
  const taken: { from: number; to: number; y: number }[] = [];
  return points.flatMap((point) => {
    const { cx, cy } = placeOf(point, key, x, y);
    const left = cx > (box.left + box.right) / 2;
    const width = point.name.length * 6.2;
    const from = left ? cx - 7 - width : cx + 7;
    const here = { from, to: from + width, y: cy - 6 };
    if (
      taken.some((other) => Math.abs(other.y - here.y) < 12 && other.from < here.to && here.from < other.to)
    )
      return [];
    taken.push(here);
    const anchor = left ? 'end' : 'start';
    return [text(cx + (left ? -7 : 7), here.y, point.name, { class: 'faint', 'text-anchor': anchor })];
  });
}

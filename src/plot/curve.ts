import { area, line } from 'd3-shape';
import { greatest } from '../extremes.js';
import type { FigureTable, PlotFigure } from './figure.js';
import { bottomAxis, byteAxis, leftAxis, legend, legendLines } from './frame.js';
import { bytes } from './numbers.js';
import type { MemoryCurve, RunData } from './run-data.js';
import { el, picture, type Size, type Svg, text } from './svg.js';
import { dashes, type Hue, hueOf } from './theme.js';

const policies = { kernel: 'the kernel', lru: 'LRU', pins: 'pins', optimum: 'optimum' } as const;
type Policy = keyof typeof policies;

const names = Object.keys(policies) as Policy[];
const key: { name: string; className: Hue; dash: string }[] = names.map((policy, i) => ({
  name: policies[policy],
  className: hueOf(i),
  dash: dashes[i] ?? '',
}));

const columns = ['kernel_least', 'kernel_most', ...names];

/** What memories of other sizes would read for a token, by policy of eviction. */
export function curveFigure({ curve }: RunData): PlotFigure | null {
  if (!curve || curve.points.length < 2) return null;
  return {
    kind: 'curve',
    title: 'What other memories would read',
    note: `${curve.verdict} Read for a token, by how much memory the model has; what the kernel reads varies by chance within the area.`,
    heightFor: (width) => Math.min(Math.max(width * 0.3, 180), 260) + legendLines(key, width - 16) * 15,
    draw: (size) => drawn(curve, size),
    table: (): FigureTable => ({
      columns: ['memory_bytes', ...columns.map((policy) => `${policy}_bytes_per_token`)],
      rows: curve.points.map((point) => [
        ...[point.memory, point.kernelLeast, point.kernelMost],
        ...names.map((policy) => point[policy]),
      ]),
    }),
  };
}

function drawn({ points, ownMemory }: MemoryCurve, size: Size): Svg {
  const shown = legend({ left: 8, top: 12, right: size.width - 8 }, key);
  const box = { left: 62, top: 20 + shown.lines * 15, right: size.width - 16, bottom: size.height - 34 };
  const x = byteAxis(
    greatest(points.map(({ memory }) => memory)),
    { from: box.left, to: box.right },
    5,
    bytes,
  );
  const most = greatest([
    1,
    ...points.flatMap((point) => [point.kernelMost, ...names.map((policy) => point[policy])]),
  ]);
  const y = byteAxis(most, { from: box.bottom, to: box.top }, 4, bytes);
  const chance = el('path', {
    d:
      area<MemoryCurve['points'][number]>()
        .x(({ memory }) => x.at(memory))
        .y0(({ kernelLeast }) => y.at(kernelLeast))
        .y1(({ kernelMost }) => y.at(kernelMost))
        .digits(1)(points) ?? '',
    class: `f-${hueOf(0)}`,
    'fill-opacity': 0.2,
  });
  const lines = names.map((policy, i) =>
    el('path', {
      d:
        line<MemoryCurve['points'][number]>()
          .x(({ memory }) => x.at(memory))
          .y((point) => y.at(point[policy]))
          .digits(1)(points) ?? '',
      class: `line s-${hueOf(i)}`,
      'stroke-dasharray': dashes[i] || undefined,
    }),
  );
  const own =
    ownMemory === null || ownMemory > (points.at(-1)?.memory ?? 0)
      ? []
      : [
          el('line', {
            x1: x.at(ownMemory),
            x2: x.at(ownMemory),
            y1: box.top,
            y2: box.bottom,
            class: 'axis',
          }),
          text(x.at(ownMemory) + 4, box.top + 10, 'this run', { class: 'faint' }),
        ];
  return picture(size, 'What other memories would read', [
    ...leftAxis(box, y, 'read for a token'),
    ...bottomAxis(box, x, 'memory for the model'),
    ...own,
    chance,
    ...lines,
    ...shown.svg,
  ]);
}

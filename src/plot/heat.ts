import { line } from 'd3-shape';
import { greatest } from '../extremes.js';
import type { FigureTable, PlotFigure } from './figure.js';
import { bottomAxis, leftAxis, linearAxis } from './frame.js';
import { heatScale } from './heat-scale.js';
import { bytes, runningSums, share, short } from './numbers.js';
import type { Matrix, RunData } from './run-data.js';
import { el, escaped, picture, type Size, type Svg, text } from './svg.js';
import { heatColour } from './theme.js';

const left = 84;
/** Above the cells: for the scale of colours. */
const top = 30;
/** Below them, for the axis. */
const foot = 42;

/** Rows are layers, columns tokens or experts; more columns than there is room for are added up. `told`: a value, for the scale of colours. */
function cells(
  matrix: Matrix,
  size: Size,
  told: (value: number) => string,
  tell: (row: number, from: number, to: number, value: number) => string,
): Svg[] {
  const { rows, columns, values } = matrix;
  const [width, height] = [size.width - left - 12, size.height - top - foot];
  const per = Math.max(1, Math.ceil(columns / Math.max(width / 2, 1)));
  const shown = Math.ceil(columns / per);
  const summed = rows.map((_, row) =>
    Array.from({ length: shown }, (_, i) => {
      let sum = 0;
      for (let column = i * per; column < Math.min((i + 1) * per, columns); column++)
        sum += values[row * columns + column] as number;
      return sum;
    }),
  );
  const most = Math.max(greatest(summed.flat()), 1e-9);
  const [w, h] = [width / shown, height / rows.length];
  const drawn = summed.flatMap((line, row) =>
    line.flatMap((value, i) =>
      value > 0
        ? el(
            'rect',
            {
              x: left + i * w,
              y: top + row * h,
              width: Math.max(w - (w > 6 ? 1 : 0), 0.5),
              height: Math.max(h - (h > 6 ? 1 : 0), 0.5),
              fill: heatColour(value / most),
            },
            el('title', {}, escaped(tell(row, i * per, Math.min((i + 1) * per, columns) - 1, value))),
          )
        : [],
    ),
  );
  return [...heatScale({ left: 8, top: 6 }, [told(0), told(most)]), ...drawn];
}

/** `first`: the number of the first column. */
function frame(matrix: Matrix, size: Size, below: string, first = 0): Svg[] {
  const height = size.height - top - foot;
  const h = height / matrix.rows.length;
  const every = Math.max(1, Math.ceil(12 / h));
  const names = matrix.rows.flatMap((name, i) =>
    i % every === 0
      ? [text(left - 5, top + (i + 0.5) * h + 3.5, name, { class: 'tick', 'text-anchor': 'end' })]
      : [],
  );
  const box = { left, top, right: size.width - 12, bottom: size.height - foot };
  const axis = linearAxis(
    { from: first, to: first + matrix.columns },
    { from: box.left, to: box.right },
    Math.max(2, size.width / 80),
    short,
  );
  const ground = el('rect', { x: left, y: top, width: box.right - left, height, fill: heatColour(0) });
  return [
    ground,
    ...bottomAxis(box, { ...axis, ticks: axis.ticks.filter(({ value }) => Number.isInteger(value)) }, below),
    ...names,
  ];
}

const heightOf = (rows: number) => Math.min(Math.max(rows * 12, 60), 420) + top + foot;

export function tokenLayerFigure({ tokenLayers: matrix, firstToken: first }: RunData): PlotFigure | null {
  if (!matrix || matrix.columns === 0) return null;
  return {
    kind: 'heat',
    title: 'Read for each token, by layer',
    note: 'A row is a layer, a column a token; the stronger its colour, the more was read. A pale row was kept in memory.',
    heightFor: () => heightOf(matrix.rows.length),
    draw: (size) =>
      picture(size, 'Read for each token, by layer', [
        ...frame(matrix, size, 'token', first),
        ...cells(
          matrix,
          size,
          (value) => `${bytes(value)} read`,
          (row, from, to, value) =>
            `${matrix.rows[row]}, ${from === to ? `token ${first + from}` : `tokens ${first + from} to ${first + to}`}: ${bytes(value)}`,
        ),
      ]),
    table: () => tableOf(matrix, 'layer', 'token', 'bytes', first),
  };
}

/** Experts of each layer by how many tokens read of them, the most used first, and what share of all uses the first few have. */
export function expertFigure({ experts: matrix }: RunData): PlotFigure | null {
  if (!matrix || matrix.columns < 2) return null;
  const sorted: Matrix = {
    ...matrix,
    values: matrix.rows.flatMap((_, row) =>
      matrix.values.slice(row * matrix.columns, (row + 1) * matrix.columns).toSorted((a, b) => b - a),
    ),
  };
  const skew = skewOf(sorted);
  return {
    kind: 'experts',
    title: 'Experts',
    note: `Tokens that read of each expert, by layer, the most read first. The curve tells how much of all such reads the first experts have; on the diagonal all are read alike.`,
    heightFor: (width) => heightOf(matrix.rows.length) + Math.min(width * 0.5, 240),
    draw: (size) => {
      const curve = Math.min(size.width * 0.5, 240);
      const upper = { width: size.width, height: size.height - curve };
      const box = {
        left,
        top: size.height - curve + 20,
        right: Math.min(size.width - 12, left + curve * 1.6),
        bottom: size.height - 36,
      };
      const x = linearAxis({ from: 0, to: 1 }, { from: box.left, to: box.right }, 4, share);
      const y = linearAxis({ from: 0, to: 1 }, { from: box.bottom, to: box.top }, 4, share);
      const path = line<readonly [number, number]>()
        .x((p) => x.at(p[0]))
        .y((p) => y.at(p[1]))
        .digits(1)(skew);
      return picture(size, 'Experts by how many tokens read of them', [
        ...frame(sorted, upper, 'experts of the layer, the most read first'),
        ...cells(
          sorted,
          upper,
          (value) => `${short(value)} tokens`,
          (row, from, _, value) => `${sorted.rows[row]}, place ${from + 1}: ${short(value)} tokens`,
        ),
        ...leftAxis(box, y, 'share of these reads'),
        ...bottomAxis(box, x, 'share of the experts, the most read first'),
        el('line', {
          x1: x.at(0),
          y1: y.at(0),
          x2: x.at(1),
          y2: y.at(1),
          class: 'axis',
          'stroke-dasharray': '3 3',
        }),
        el('path', { d: path ?? '', class: 'line s-red' }),
      ]);
    },
    table: () => tableOf(matrix, 'layer', 'expert', 'tokens'),
  };
}

function skewOf(sorted: Matrix): [number, number][] {
  const byPlace = Array.from({ length: sorted.columns }, (_, column) =>
    sorted.rows.reduce((sum, _, row) => sum + (sorted.values[row * sorted.columns + column] as number), 0),
  );
  const all = byPlace.reduce((sum, value) => sum + value, 0) || 1;
  return [
    [0, 0],
    ...runningSums(byPlace).map((sum, i): [number, number] => [(i + 1) / sorted.columns, sum / all]),
  ];
}

function tableOf(
  { rows, columns, values }: Matrix,
  row: string,
  column: string,
  value: string,
  first = 0,
): FigureTable {
  return {
    columns: [row, column, value],
    rows: values.map((is, i) => [rows[Math.floor(i / columns)] as string, first + (i % columns), is]),
  };
}

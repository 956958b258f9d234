import { line } from 'd3-shape';
import { greatest, smallest } from '../extremes.js';
import type { FigureTable, PlotFigure } from './figure.js';
import { bottomAxis, byteAxis, leftAxis, legend, linearAxis } from './frame.js';
import { bytes, share, short } from './numbers.js';
import { el, escaped, picture, type Size, type Svg } from './svg.js';
import { type Hue, hueOf } from './theme.js';

/** A group of repeats: how much memory it had, and what came of it. */
export interface CliffPoint {
  name: string;
  /** What repeats share besides the memory; points of one series are joined. */
  series: string;
  /** Points of one model have one bound. */
  model: string;
  /** What the process and its page cache could take / size of the model. */
  memory: number;
  tokensPerSecond: readonly number[];
  bytesPerToken: readonly number[];
  /** The bound with this memory; null: not known. */
  bound: number | null;
}

/** What a model of the page cache foresees with so much memory, from one run of it. */
export interface CurveLine {
  name: string;
  points: readonly { memory: number; value: number }[];
}

/** Speed, and what a token reads, against memory: points with the spread of their repeats, the bound and what is foreseen as lines. */
export function cliffFigure(
  points: readonly CliffPoint[],
  curves: readonly CurveLine[] = [],
): PlotFigure | null {
  const known = points.filter(
    ({ tokensPerSecond, bytesPerToken }) => tokensPerSecond.length + bytesPerToken.length > 0,
  );
  if (known.length < 2) return null;
  return {
    kind: 'cliff',
    title: 'Memory cliff',
    note: 'Speed, and what a token reads, against the memory that the program and the page cache shared. Each point is a group of runs, its bar the spread of its repeats. Dashed: the bound, which no run of this model exceeds with this memory and disk, and what the model of the page cache behind blkscope advise foresees.',
    heightFor: (width) => 2 * Math.min(Math.max(width * 0.35, 190), 280),
    draw: (size) => {
      const half = { width: size.width, height: size.height / 2 };
      const models = [...new Set(known.map(({ model }) => model))];
      // Both graphs on one axis.
      const most = greatest([
        ...known.map(({ memory }) => memory),
        ...curves.flatMap(({ points: line }) => line.map(({ memory }) => memory)),
      ]);
      const speed = graph(
        known,
        ({ tokensPerSecond }) => tokensPerSecond,
        {
          mostMemory: most,
          told: short,
          title: 'tokens/s',
          lines: models.map((model, i) => ({
            name: models.length > 1 ? `bound of ${model}` : 'bound',
            hue: boundHues[i % boundHues.length] as Hue,
            points: known.flatMap((point) =>
              point.bound === null || point.model !== model ? [] : [[point.memory, point.bound]],
            ),
          })),
        },
        half,
      );
      const read = graph(
        known,
        ({ bytesPerToken }) => bytesPerToken,
        {
          mostMemory: most,
          told: bytes,
          inBytes: true,
          title: 'read for a token',
          lines: curves.map(({ name, points: line }, i) => ({
            name: curves.length > 1 ? `foreseen from ${name}` : 'foreseen',
            hue: foreseenHues[i % foreseenHues.length] as Hue,
            points: line.map(({ memory, value }) => [memory, value]),
          })),
        },
        half,
      );
      return picture(size, 'Memory cliff', [
        ...speed,
        el('g', { transform: `translate(0 ${half.height})` }, read),
      ]);
    },
    table: (): FigureTable => ({
      columns: [
        'group',
        'series',
        'memory_share',
        'tokens_per_second',
        'bytes_per_token',
        'bound_tokens_per_second',
      ],
      rows: known.flatMap(({ name, series, memory, tokensPerSecond, bytesPerToken, bound }) =>
        Array.from({ length: Math.max(tokensPerSecond.length, bytesPerToken.length) }, (_, i) => [
          name,
          series,
          memory,
          tokensPerSecond[i] ?? null,
          bytesPerToken[i] ?? null,
          bound,
        ]),
      ),
    }),
  };
}

const foreseenHues = ['purple', 'green', 'red'] as const;

const boundHues = ['grey', 'sky', 'orange'] as const;

interface Look {
  mostMemory: number;
  told: (value: number) => string;
  inBytes?: true;
  title: string;
  lines: readonly { name: string; hue: Hue; points: readonly (readonly number[])[] }[];
}

function graph(
  points: readonly CliffPoint[],
  of: (point: CliffPoint) => readonly number[],
  { mostMemory, told, inBytes, title, lines }: Look,
  size: Size,
): Svg[] {
  const series = [...new Set(points.map((point) => point.series))];
  const shownLines = lines.filter(({ points: line }) => new Set(line.map(([x]) => x)).size > 1);
  const key = legend({ left: 8, top: 12, right: size.width - 8 }, [
    ...series.map((name, i) => ({ name: name || 'measured', className: hueOf(i), dash: '' })),
    ...shownLines.map(({ name, hue }) => ({ name, className: hue, dash: '5 3' })),
  ]);
  const box = { left: 66, top: 28 + key.lines * 15, right: size.width - 16, bottom: size.height - 36 };
  const values = [
    ...points.flatMap((point) => [...of(point)]),
    ...shownLines.flatMap(({ points: line }) => line.map(([, y]) => y as number)),
  ];
  const x = linearAxis({ from: 0, to: mostMemory * 1.03 }, { from: box.left, to: box.right }, 5, share);
  const place = { from: box.bottom, to: box.top };
  const most = Math.max(greatest(values), 1e-9) * 1.05;
  const y = inBytes ? byteAxis(most, place, 4, told) : linearAxis({ from: 0, to: most }, place, 4, told);
  const path = line<readonly number[]>()
    .x((p) => x.at(p[0] as number))
    .y((p) => y.at(p[1] as number))
    .digits(1);
  const drawn = series.map((name, i) => {
    const own = points
      .filter((point) => point.series === name && of(point).length > 0)
      .toSorted((a, b) => a.memory - b.memory);
    const means = own.map((point) => [
      point.memory,
      of(point).reduce((sum, value) => sum + value, 0) / of(point).length,
    ]);
    const marks = own.map((point, k) => {
      const at = x.at(point.memory);
      const [low, high] = [smallest(of(point)), greatest(of(point))];
      const mean = (means[k] as number[])[1] as number;
      return [
        el('line', { x1: at, x2: at, y1: y.at(low), y2: y.at(high), class: `line s-${hueOf(i)}` }),
        el(
          'circle',
          { cx: at, cy: y.at(mean), r: 3.5, class: `f-${hueOf(i)}` },
          el('title', {}, escaped(`${point.name}: ${told(mean)}, ${of(point).length} runs`)),
        ),
      ].join('');
    });
    return el('path', { d: path(means) ?? '', class: `line s-${hueOf(i)}` }) + marks.join('');
  });
  const others = shownLines.map(({ hue, points: points_ }) =>
    el('path', {
      d: path(points_.toSorted((a, b) => (a[0] as number) - (b[0] as number))) ?? '',
      class: `line s-${hue}`,
      'stroke-dasharray': '5 3',
    }),
  );
  return [
    ...leftAxis(box, y, title),
    ...bottomAxis(box, x, 'memory of the run / size of the model'),
    ...others,
    ...drawn,
    ...key.svg,
  ];
}

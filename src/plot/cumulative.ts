import { line } from 'd3-shape';
import { greatest } from '../extremes.js';
import type { FigureTable, PlotFigure, View } from './figure.js';
import { bottomAxis, byteAxis, leftAxis, legend, legendLines, linearAxis } from './frame.js';
import { bytes, runningSums, seconds } from './numbers.js';
import { oncePerRun } from './once-per-run.js';
import type { RunData } from './run-data.js';
import { el, picture, type Size, type Svg, text } from './svg.js';
import { dashes, type Hue, hueOf } from './theme.js';

interface Cumulative {
  time: readonly number[];
  read: readonly number[];
  unique: readonly number[];
}

/** Bytes of the model by column of the access map: all that were read until its end, and those read for the first time. */
export const cumulativeOf = oncePerRun(({ access, seconds: whole }): Cumulative => {
  if (!access) return { time: [], read: [], unique: [] };
  const { times, places, cell, first, second, later } = access.byFile;
  const read = new Array<number>(times).fill(0);
  const unique = new Array<number>(times).fill(0);
  for (let i = 0; i < cell.length; i++) {
    const time = Math.floor((cell[i] as number) / places);
    unique[time] = (unique[time] as number) + (first[i] as number);
    read[time] = (read[time] as number) + (first[i] as number) + (second[i] as number) + (later[i] as number);
  }
  const total = (values: number[]) => runningSums(values).map((sectors) => sectors * 512);
  return { time: read.map((_, i) => ((i + 1) * whole) / times), read: total(read), unique: total(unique) };
});

function keyOf(runs: readonly string[]): { name: string; className: Hue; dash: string }[] {
  return runs.flatMap((run, i) => {
    const of = runs.length > 1 ? `${run}: ` : '';
    return [
      { name: `${of}read`, className: hueOf(i), dash: dashes[0] },
      { name: `${of}read at least once`, className: hueOf(i), dash: dashes[1] },
    ];
  });
}

/** Points of a table for a file: more say no more. */
const rowsOfTable = 2000;

/** At most so many points: a line has no more. */
function thinned<T>(values: readonly T[], most: number): T[] {
  const step = Math.max(1, Math.ceil(values.length / most));
  return values.filter((_, i) => i % step === step - 1 || i === values.length - 1);
}

/** Bytes read and bytes read at least once, of one run or several on the same axes. */
export function cumulativeFigure(runs: readonly RunData[], view?: View): PlotFigure | null {
  const shown = runs.filter(({ access }) => access !== null).map((run) => ({ run, is: cumulativeOf(run) }));
  if (shown.length === 0) return null;
  const end = greatest(shown.map(({ run }) => run.seconds));
  const span = view ?? { from: 0, to: end };
  const draw = (size: Size): Svg => {
    const names = keyOf(shown.map(({ run }) => run.name));
    const key = legend({ left: 8, top: 12, right: size.width - 8 }, names);
    const box = { left: 62, top: 26 + key.lines * 15, right: size.width - 12, bottom: size.height - 34 };
    const x = linearAxis(span, { from: box.left, to: box.right }, Math.max(3, size.width / 90), seconds);
    const most = greatest(
      shown.flatMap(({ is, run: { modelBytes } }) => [is.read.at(-1) ?? 0, modelBytes ?? 0]),
    );
    const y = byteAxis(most, { from: box.bottom, to: box.top }, 5, bytes);
    const lines = shown.flatMap(({ is }, i) =>
      ([is.read, is.unique] as const).map((values, kind) => {
        const points = is.time
          .map((time, k): [number, number] => [time, values[k] as number])
          .filter(([time]) => time >= span.from && time <= span.to);
        const path = line<[number, number]>()
          .x(([time]) => x.at(time))
          .y(([, value]) => y.at(value))
          .digits(1)(thinned([[Math.max(span.from, 0), points[0]?.[1] ?? 0], ...points], 2 * size.width));
        return el('path', {
          d: path ?? '',
          class: `line s-${hueOf(i)}`,
          'stroke-dasharray': dashes[kind] || undefined,
        });
      }),
    );
    const model = shown[0]?.run.modelBytes;
    const mark = model
      ? [
          el('line', {
            x1: box.left,
            x2: box.right,
            y1: y.at(model),
            y2: y.at(model),
            class: 'axis',
            'stroke-dasharray': '2 3',
          }),
          text(box.right, y.at(model) - 4, `the model: ${bytes(model)}`, {
            class: 'faint',
            'text-anchor': 'end',
          }),
        ]
      : [];
    return picture(size, 'Bytes read', [
      ...leftAxis(box, y, 'bytes of the model'),
      ...bottomAxis(box, x, 'seconds from the start of the trace'),
      ...mark,
      ...lines,
      ...key.svg,
    ]);
  };
  return {
    kind: 'cumulative',
    title: 'Read so far',
    note: 'The distance between the lines is what was read again.',
    heightFor: (width) =>
      Math.min(Math.max(width * 0.3, 150), 250) +
      legendLines(keyOf(shown.map(({ run }) => run.name)), width - 16) * 15,
    draw,
    table: (): FigureTable => ({
      columns: ['run', 'seconds', 'read_bytes', 'unique_bytes'],
      rows: shown.flatMap(({ run, is }) => {
        const rows = is.time.map((time, i) => [run.name, time, is.read[i] as number, is.unique[i] as number]);
        return thinned(rows, rowsOfTable);
      }),
    }),
  };
}

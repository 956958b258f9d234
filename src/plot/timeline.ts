import { area, line } from 'd3-shape';
import { greatest } from '../extremes.js';
import { cumulativeOf } from './cumulative.js';
import type { FigureTable, PlotFigure, View } from './figure.js';
import { type Axis, type Box, bottomAxis, byteAxis, leftAxis, legend, linearAxis } from './frame.js';
import { bytes, perSecond, seconds, share, short } from './numbers.js';
import { oncePerRun } from './once-per-run.js';
import type { RunData, Series } from './run-data.js';
import { el, picture, type Size, type Svg, text } from './svg.js';
import { dashes, type Hue } from './theme.js';

interface Curve extends Series {
  name: string;
  hue: Hue;
  /** Stacked upon the curve before, and filled. */
  filled?: boolean;
}

/** One graph of the stack: curves of one unit on one clock. */
export interface Panel {
  title: string;
  told: (value: number) => string;
  /** Ticks are whole MiB or GiB. */
  inBytes?: true;
  curves: Curve[];
}

/** The graphs that a run has data for. */
export const panelsOf = oncePerRun((run): Panel[] => {
  const { timeline, samples } = run;
  const middle = timeline.read.map((_, i) => (i + 0.5) * timeline.bucket);
  const rate = (values: readonly number[]) => ({
    time: middle,
    value: values.map((value) => value / timeline.bucket),
  });
  const model = modelByBucket(run);
  const others = timeline.read.map((value, i) => Math.max(value - (model[i] as number), 0));
  const panels: Panel[] = [
    {
      title: 'Read from the disk',
      told: perSecond,
      inBytes: true,
      curves: run.access
        ? [
            { name: 'the model', hue: 'blue', filled: true, ...rate(model) },
            { name: 'all else', hue: 'orange', filled: true, ...rate(others) },
          ]
        : [{ name: 'read', hue: 'blue', filled: true, ...rate(timeline.read) }],
    },
    {
      title: 'Written',
      told: perSecond,
      inBytes: true,
      curves: [{ name: 'written', hue: 'purple', filled: true, ...rate(timeline.write) }],
    },
    {
      title: 'Requests in flight',
      told: short,
      curves: timeline.depth ? [{ name: 'mean', hue: 'green', time: middle, value: timeline.depth }] : [],
    },
    {
      title: 'Cached',
      told: bytes,
      inBytes: true,
      curves: levels(samples, [
        samples.modelCachedBytes
          ? ['modelCachedBytes', 'of the model', 'blue']
          : ['pageCacheBytes', 'page cache of the machine', 'orange'],
      ]),
    },
    {
      // Apart: with readahead a fault brings thousands of pages.
      title: 'Faults that waited for a read',
      told: (value) => `${short(value)}/s`,
      curves: growths(samples, 1, [['majorFaults', 'major faults', 'red']]),
    },
    {
      title: 'Pages read again',
      told: (value) => `${short(value)}/s`,
      curves: growths(samples, 1, [['refaultedPages', 'refaulted pages', 'sky']]),
    },
    {
      title: 'Waiting for (pressure)',
      told: share,
      curves: growths(samples, 1e-6, [
        ['memoryStallSomeUs', 'memory', 'purple'],
        ['ioStallSomeUs', 'a disk', 'blue'],
        ['cpuStallSomeUs', 'a CPU', 'red'],
      ]),
    },
    {
      title: 'CPU of the workload',
      told: (value) => `${short(value)} CPU`,
      curves: growths(samples, 1e-6, [
        ['workloadUserUs', 'in the program', 'green'],
        ['workloadSystemUs', 'in the kernel', 'orange'],
      ]),
    },
    { title: 'Tokens', told: (value) => `${short(value)}/s`, curves: tokenRate(run) },
  ];
  return panels
    .map((panel) => ({ ...panel, curves: panel.curves.filter(({ value }) => value.some((v) => v > 0)) }))
    .filter(({ curves }) => curves.length > 0);
});

/** Bytes of the model in each bucket of the timeline, from the access map's columns. */
function modelByBucket(run: RunData): number[] {
  const { timeline } = run;
  const sums = new Array<number>(timeline.read.length).fill(0);
  const { time, read } = cumulativeOf(run);
  const column = (time[1] ?? 0) - (time[0] ?? 0);
  for (let i = 0; i < time.length; i++) {
    const bucket = Math.min(
      Math.floor(((time[i] as number) - column / 2) / timeline.bucket),
      sums.length - 1,
    );
    if (bucket >= 0)
      sums[bucket] = (sums[bucket] as number) + (read[i] as number) - (i > 0 ? (read[i - 1] as number) : 0);
  }
  return sums;
}

type Named = readonly (readonly [metric: string, name: string, hue: Hue])[];

function levels(samples: RunData['samples'], named: Named): Curve[] {
  return named.flatMap(([metric, name, hue]) => {
    const series = samples[metric];
    return series ? [{ name, hue, ...series }] : [];
  });
}

/** Of counters: how fast they grew from one sample to the next. */
function growths(samples: RunData['samples'], unit: number, named: Named): Curve[] {
  return named.flatMap(([metric, name, hue]) => {
    const series = samples[metric];
    if (!series || series.time.length < 2) return [];
    const value = series.value.slice(1).map((is, i) => {
      const took = (series.time[i + 1] as number) - (series.time[i] as number);
      return took > 0 ? (Math.max(is - (series.value[i] as number), 0) / took) * unit : 0;
    });
    return [{ name, hue, time: series.time.slice(1), value }];
  });
}

function tokenRate({ tokens }: RunData): Curve[] {
  const value = tokens.slice(1).map((time, i) => 1 / Math.max(time - (tokens[i] as number), 1e-6));
  return value.length > 1 ? [{ name: 'tokens', hue: 'green', time: tokens.slice(1), value }] : [];
}

const panelHeight = 84;
/** Above each graph: for its title and its legend, which on a narrow page stand below each other. */
const headFor = (width: number) => (width < 560 ? 42 : 28);
/** Below the last: the axis that all share. */
const footHeight = 36;

/** Where the time axis of the stack lies, for what is drawn or asked beside it. */
export const timelineMargins = { left: 74, right: 12 };

export function timelineFigure(run: RunData, view?: View): PlotFigure | null {
  const panels = panelsOf(run);
  if (panels.length === 0) return null;
  const span = view ?? { from: 0, to: run.seconds };
  return {
    kind: 'timeline',
    title: 'Timeline',
    note: 'Everything on one clock: what the disk did, what memory held, what the workload waited for. Dotted lines: where a phase begins.',
    heightFor: (width) => panels.length * (panelHeight + headFor(width)) + footHeight,
    draw: (size) => drawPanels(run, panels, span, size),
    table: (): FigureTable => ({
      columns: ['graph', 'curve', 'seconds', 'value'],
      rows: panels.flatMap(({ title, curves }) =>
        curves.flatMap(({ name, time, value }) => time.map((t, i) => [title, name, t, value[i] as number])),
      ),
    }),
  };
}

function drawPanels(run: RunData, panels: readonly Panel[], span: View, size: Size): Svg {
  const { left, right: margin } = timelineMargins;
  const right = size.width - margin;
  const head = headFor(size.width);
  const height = (size.height - footHeight) / panels.length - head;
  const x = linearAxis(span, { from: left, to: right }, Math.max(3, size.width / 90), seconds);
  const content = panels.map((panel, i) => {
    const top = head + i * (height + head);
    const box = { left, top, right, bottom: top + height };
    const last = i === panels.length - 1;
    return [
      ...(last
        ? bottomAxis(box, x, 'seconds from the start of the trace')
        : bottomAxis(box, { ...x, ticks: x.ticks.map((tick) => ({ ...tick, label: '' })) })),
      ...drawPanel(panel, x, span, box),
      ...phaseLines(run, x.at, span, box),
    ].join('');
  });
  return picture(size, 'Timeline', content);
}

function drawPanel(panel: Panel, x: Axis, span: View, box: Box): Svg[] {
  const stacked = stack(panel.curves);
  const inSpan = stacked.flatMap(({ top: values, time }) =>
    values.filter((_, k) => within(time[k] as number, span)),
  );
  const most = Math.max(greatest(inSpan), 1e-9);
  const place = { from: box.bottom, to: box.top };
  const y = panel.inBytes
    ? byteAxis(most, place, 3, panel.told)
    : linearAxis({ from: 0, to: most }, place, 3, panel.told);
  const drawn = stacked.map(({ hue, filled, time, top: values, base }, k) => {
    const points = pointsIn(time, values, base, span);
    const d = filled
      ? area<Point>()
          .x((p) => x.at(p[0]))
          .y1((p) => y.at(p[1]))
          .y0((p) => y.at(p[2]))
          .digits(1)(points)
      : line<Point>()
          .x((p) => x.at(p[0]))
          .y((p) => y.at(p[1]))
          .digits(1)(points);
    return filled
      ? el('path', { d: d ?? '', class: `f-${hue}` })
      : el('path', { d: d ?? '', class: `line s-${hue}`, 'stroke-dasharray': dashes[k] || undefined });
  });
  return [...leftAxis(box, y), ...drawn, ...titled(panel, box)];
}

/** A graph's title and what its colours mean, above it. */
function titled({ title, curves }: Panel, { left, right, top }: Box): Svg[] {
  const beside = left + title.length * 6.8 + 16;
  const narrow = headFor(right + timelineMargins.right) > 28;
  const key = legend(
    { left: narrow ? left : beside, top: top - 7, right: 1e9 },
    curves.map(({ name, hue, filled }, k) => ({
      name,
      className: hue,
      ...(filled ? {} : { dash: dashes[k] as string }),
    })),
  );
  const alone = curves.length === 1 && title.toLowerCase() === curves[0]?.name;
  return [
    text(left, top - (narrow && !alone ? 21 : 7), title, { class: 'strong' }),
    ...(alone ? [] : key.svg),
  ];
}

function phaseLines(
  run: RunData,
  at: (time: number) => number,
  span: View,
  box: { top: number; bottom: number },
): Svg[] {
  return run.phases
    .filter(({ from }) => within(from, span))
    .map(({ from }) =>
      el('line', {
        x1: at(from),
        x2: at(from),
        y1: box.top,
        y2: box.bottom,
        class: 'axis',
        'stroke-dasharray': '1 3',
      }),
    );
}

type Point = [time: number, top: number, base: number];

function within(time: number, { from, to }: View): boolean {
  return time >= from && time <= to;
}

/** With the nearest point on either side of the view, so that lines reach its edges. */
function pointsIn(
  time: readonly number[],
  top: readonly number[],
  base: readonly number[],
  span: View,
): Point[] {
  let first = time.findIndex((t) => t >= span.from);
  let last = time.findLastIndex((t) => t <= span.to);
  if (first < 0) first = time.length - 1;
  if (last < 0) last = 0;
  const points: Point[] = [];
  for (let i = first; i <= last; i++) points.push([time[i] as number, top[i] as number, base[i] as number]);
  return thinned(points, 1500);
}

/** Of many points, those of each span that are highest: peaks must not vanish. */
function thinned(points: Point[], most: number): Point[] {
  if (points.length <= most) return points;
  const step = Math.ceil(points.length / most);
  return Array.from({ length: Math.ceil(points.length / step) }, (_, i) =>
    points.slice(i * step, (i + 1) * step).reduce((a, b) => (b[1] > a[1] ? b : a)),
  );
}

function stack(curves: readonly Curve[]): (Curve & { top: number[]; base: number[] })[] {
  let below: readonly number[] | null = null;
  return curves.map((curve) => {
    const base = curve.filled && below ? [...below] : curve.value.map(() => 0);
    const top = curve.value.map((value, i) => value + (base[i] ?? 0));
    if (curve.filled) below = top;
    return { ...curve, top, base };
  });
}

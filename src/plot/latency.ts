import { line } from 'd3-shape';
import { greatest, smallest } from '../extremes.js';
import type { FigureTable, PlotFigure, View } from './figure.js';
import { bottomAxis, leftAxis, legend, linearAxis, logAxis } from './frame.js';
import { seconds, share } from './numbers.js';
import type { RunData } from './run-data.js';
import { el, picture, type Size, type Svg } from './svg.js';
import { dashes, hueOf } from './theme.js';

/** The share of reads that took at most so long, and, of one run, median and 99th percentile over time. */
export function latencyFigure(runs: readonly RunData[], view?: View): PlotFigure | null {
  const known = runs.filter(({ latency }) => latency !== null);
  const [first] = known;
  if (!first) return null;
  const both = known.length === 1;
  return {
    kind: 'latency',
    title: 'How long reads took',
    note: 'From issue to completion (from queueing where no issue was traced). First: the share of reads that took at most so long. Then, over time, the median and the time that one read in a hundred exceeds.',
    heightFor: (width) => (both ? 2 : 1) * Math.min(Math.max(width * 0.3, 180), 236),
    draw: (size) => {
      const half = both ? size.height / 2 : size.height;
      return picture(size, 'How long reads took', [
        ...distribution(known, { width: size.width, height: half }),
        ...(both
          ? [
              el(
                'g',
                { transform: `translate(0 ${half})` },
                overTime(first, view ?? { from: 0, to: first.seconds }, { width: size.width, height: half }),
              ),
            ]
          : []),
      ]);
    },
    table: (): FigureTable => ({
      columns: ['run', 'kind', 'x_seconds', 'value'],
      rows: known.flatMap(({ name, latency }) => [
        ...(latency?.cdf.ns ?? []).map((ns, i) => [
          name,
          'share at most',
          ns / 1e9,
          latency?.cdf.share[i] ?? null,
        ]),
        ...(both
          ? (latency?.overTime.time ?? []).flatMap((time, i) => [
              [name, 'median at', time, nsToSeconds(latency?.overTime.p50[i])],
              [name, '99th percentile at', time, nsToSeconds(latency?.overTime.p99[i])],
            ])
          : []),
      ]) as FigureTable['rows'],
    }),
  };
}

function nsToSeconds(ns: number | null | undefined): number | null {
  return ns == null ? null : ns / 1e9;
}

function distribution(runs: readonly RunData[], size: Size): Svg[] {
  const key = legend(
    { left: 8, top: 12, right: size.width - 8 },
    runs.map(({ name }, i) => ({ name, className: hueOf(i), dash: dashes[i % dashes.length] as string })),
  );
  const lines = runs.length > 1 ? key.lines : 0;
  const box = { left: 62, top: 26 + lines * 15, right: size.width - 16, bottom: size.height - 34 };
  const all = runs.flatMap(({ latency }) => latency?.cdf.ns ?? []);
  const x = logAxis(
    { from: smallest(all) / 1e9, to: greatest(all) / 1e9 },
    { from: box.left, to: box.right },
    seconds,
  );
  const y = linearAxis({ from: 0, to: 1 }, { from: box.bottom, to: box.top }, 4, share);
  const drawn = runs.map(({ latency }, i) => {
    const points = (latency?.cdf.ns ?? []).map((ns, k): [number, number] => [
      ns / 1e9,
      latency?.cdf.share[k] as number,
    ]);
    const d = line<[number, number]>()
      .x((p) => x.at(p[0]))
      .y((p) => y.at(p[1]))
      .digits(1)(points);
    return el('path', {
      d: d ?? '',
      class: `line s-${hueOf(i)}`,
      'stroke-dasharray': dashes[i % dashes.length] || undefined,
    });
  });
  return [
    ...leftAxis(box, y, 'share of the reads'),
    ...bottomAxis(box, x, 'time that a read takes at most'),
    ...drawn,
    ...(lines > 0 ? key.svg : []),
  ];
}

function overTime({ latency }: RunData, span: View, size: Size): Svg[] {
  const series = [
    { name: 'median', hue: 'blue', values: latency?.overTime.p50 ?? [] },
    { name: '1 in 100', hue: 'red', values: latency?.overTime.p99 ?? [] },
  ] as const;
  const time = latency?.overTime.time ?? [];
  const box = { left: 62, top: 38, right: size.width - 16, bottom: size.height - 34 };
  const known = series
    .flatMap(({ values }) => values.filter((value) => value !== null))
    .map((ns) => ns / 1e9);
  if (known.length === 0) return [];
  const x = linearAxis(span, { from: box.left, to: box.right }, Math.max(3, size.width / 90), seconds);
  const y = logAxis(
    { from: smallest(known), to: greatest(known) },
    { from: box.bottom, to: box.top },
    seconds,
  );
  const drawn = series.map(({ hue, values }, i) => {
    const points = values
      .map((ns, k): [number, number | null] => [time[k] as number, ns === null ? null : ns / 1e9])
      .filter(([t]) => t >= span.from && t <= span.to);
    const d = line<[number, number | null]>()
      .defined((p) => p[1] !== null)
      .x((p) => x.at(p[0]))
      .y((p) => y.at(p[1] as number))
      .digits(1)(points);
    return el('path', { d: d ?? '', class: `line s-${hue}`, 'stroke-dasharray': dashes[i] || undefined });
  });
  const key = legend(
    { left: 62, top: 12, right: 1e9 },
    series.map(({ name, hue }, i) => ({ name, className: hue, dash: dashes[i] as string })),
  );
  return [
    ...leftAxis(box, y, 'time that a read takes'),
    ...bottomAxis(box, x, 'seconds from the start of the trace'),
    ...drawn,
    ...key.svg,
  ];
}

import { greatest, smallest } from '../extremes.js';
import { gapClasses } from '../native/trace.js';
import type { PlotFigure } from './figure.js';
import { byteAxis, leftAxis, legend, linearAxis } from './frame.js';
import { bytes, share, short } from './numbers.js';
import type { RunData } from './run-data.js';
import { el, escaped, picture, type Size, type Svg, text } from './svg.js';
import { hueOf } from './theme.js';

interface Bars {
  title: string;
  /** Groups along the axis, and what stands beside each other in each. */
  groups: readonly string[];
  series: readonly { name: string; values: readonly number[]; told?: readonly string[] }[];
  /** What the height of a bar is, and what its place. */
  axis: string;
  below: string;
  tell: (value: number) => string;
  /** Ticks are whole MiB or GiB. */
  inBytes?: true;
}

function drawBars({ title, groups, series, axis, below, tell, inBytes }: Bars, size: Size): Svg {
  const key = legend(
    { left: 8, top: 12, right: size.width - 8 },
    series.map(({ name }, i) => ({ name, className: hueOf(i) })),
  );
  const lines = series.length > 1 ? key.lines : 0;
  const box = { left: 62, top: 26 + lines * 15, right: size.width - 12, bottom: size.height - 38 };
  const most = Math.max(greatest(series.flatMap(({ values }) => values)), 1e-9);
  const place = { from: box.bottom, to: box.top };
  const y = inBytes ? byteAxis(most, place, 4, tell) : linearAxis({ from: 0, to: most }, place, 4, tell);
  const room = (box.right - box.left) / Math.max(groups.length, 1);
  const width = Math.min((room * 0.84) / series.length, 46);
  const every = Math.max(1, Math.ceil(64 / room));
  const bars = groups.map((group, i) => {
    const start = box.left + i * room + (room - width * series.length) / 2;
    const rects = series.map(({ name, values, told }, k) => {
      const value = values[i] ?? 0;
      return el(
        'rect',
        {
          x: start + k * width,
          y: y.at(value),
          width: Math.max(width - 1, 0.5),
          height: box.bottom - y.at(value),
          class: `f-${hueOf(k)}`,
        },
        el('title', {}, escaped(`${name}, ${group}: ${told?.[i] ?? tell(value)}`)),
      );
    });
    const label =
      i % every === 0
        ? text(box.left + (i + 0.5) * room, box.bottom + 14, group, {
            class: 'tick',
            'text-anchor': 'middle',
          })
        : '';
    return rects.join('') + label;
  });
  return picture(size, title, [
    ...leftAxis(box, y, axis),
    text((box.left + box.right) / 2, box.bottom + 29, below, { class: 'faint', 'text-anchor': 'middle' }),
    el('line', { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: 'axis' }),
    ...bars,
    ...(lines > 0 ? key.svg : []),
  ]);
}

/** `group` and `value`: the columns of its table. */
function barFigure(
  bars: Bars,
  { kind, note, group, value }: Record<'kind' | 'note' | 'group' | 'value', string>,
): PlotFigure {
  const { title, groups, series } = bars;
  return {
    ...{ kind, title, note },
    heightFor: (width) => Math.min(Math.max(width * 0.32, 200), 274),
    draw: (size) => drawBars(bars, size),
    table: () => ({
      columns: ['series', group, value],
      rows: series.flatMap(({ name, values }) => groups.map((is, i) => [name, is, values[i] ?? 0])),
    }),
  };
}

/** Reads by powers of two of their size, by phase or, of several runs, by run. */
export function sizeFigure(runs: readonly RunData[]): PlotFigure | null {
  const one = runs.length === 1;
  const counted = runs.flatMap((run) =>
    one
      ? run.sizes.map(({ phase, counts }) => ({ name: phase, counts }))
      : run.sizes.filter(({ phase }) => phase === 'all').map(({ counts }) => ({ name: run.name, counts })),
  );
  const shown = one && counted.length > 1 ? counted.filter(({ name }) => name !== 'all') : counted;
  const folded = shown.map(({ name, counts }) => ({ name, powers: powersOf(counts) }));
  const all = folded.flatMap(({ powers }) => [...powers.keys()]);
  if (all.length === 0) return null;
  const [low, high] = [smallest(all), greatest(all)];
  const groups = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const bars: Bars = {
    title: 'Sizes of reads',
    groups: groups.map((power) => bytes(2 ** power)),
    series: folded.map(({ name, powers }) => {
      const total = [...powers.values()].reduce((sum, n) => sum + n, 0) || 1;
      const counts = groups.map((power) => powers.get(power) ?? 0);
      return {
        name,
        values: counts.map((n) => n / total),
        told: counts.map((n) => `${short(n)} reads, ${share(n / total)}`),
      };
    }),
    axis: 'share of the reads',
    below: 'size of a read, from this power of two on',
    tell: share,
  };
  return barFigure(bars, {
    kind: 'sizes',
    note: 'Merged requests count as one.',
    group: 'from_bytes',
    value: 'share',
  });
}

function powersOf(counts: Readonly<Record<string, number>>): Map<number, number> {
  const powers = new Map<number, number>();
  for (const [size, n] of Object.entries(counts)) {
    const power = Math.floor(Math.log2(Number(size)));
    powers.set(power, (powers.get(power) ?? 0) + n);
  }
  return powers;
}

export function gapFigure(runs: readonly RunData[]): PlotFigure | null {
  const one = runs.length === 1;
  const series = runs.flatMap((run) =>
    run.gaps
      .filter(({ order }) => one || order === 'as the disk got them')
      .map(({ order, counts }) => {
        const total = Object.values(counts).reduce((sum, n) => sum + n, 0) || 1;
        const values = Object.keys(gapClasses).map((kind) => (counts[kind] ?? 0) / total);
        return { name: one ? order : run.name, values };
      }),
  );
  if (series.length === 0) return null;
  const bars: Bars = {
    title: 'Order of reads',
    groups: Object.values(gapClasses).map(({ label }) => label),
    series,
    axis: 'share of the reads',
    below: 'distance from the end of the read before',
    tell: share,
  };
  return barFigure(bars, {
    kind: 'gaps',
    note: 'How far a read begins from the end of the one before. By place in the file: as if the file lay in one piece.',
    group: 'gap',
    value: 'share',
  });
}

/** How often bytes of the model were read: x times, y MiB. */
export function timesReadFigure(runs: readonly RunData[]): PlotFigure | null {
  const known = runs.filter(({ timesRead }) => timesRead !== null);
  if (known.length === 0) return null;
  const most = greatest(known.flatMap(({ timesRead }) => [...(timesRead?.times ?? [])]));
  // Beyond some thirty bars, several numbers share one.
  const per = Math.max(1, Math.ceil(most / 32));
  const groups = Array.from({ length: Math.ceil(most / per) + 1 }, (_, i) =>
    i === 0 ? '0' : per === 1 ? `${i}` : `${(i - 1) * per + 1}-${i * per}`,
  );
  const bars: Bars = {
    title: 'How often bytes were read',
    groups,
    series: known.map((run) => {
      const values = groups.map(() => 0);
      run.timesRead?.times.forEach((times, i) => {
        const group = Math.ceil(times / per);
        values[group] = (values[group] as number) + (run.timesRead?.bytes[i] as number);
      });
      return { name: known.length === 1 ? 'bytes' : run.name, values };
    }),
    axis: 'bytes of the model',
    below: 'times read',
    tell: bytes,
    inBytes: true,
  };
  return barFigure(bars, {
    kind: 'times-read',
    note: 'Of the model: so much was read so many times. What stands at 0 was never read.',
    group: 'times',
    value: 'bytes',
  });
}

import { greatest } from '../extremes.js';
import type { FigureTable, PlotFigure } from './figure.js';
import { bottomAxis, leftAxis, legend, linearAxis } from './frame.js';
import { bytes, seconds } from './numbers.js';
import type { RunData, Series } from './run-data.js';
import { el, escaped, picture, type Size, type Svg } from './svg.js';
import type { Hue } from './theme.js';

/** What a token's time consists of, in seconds; together they are the time from the token before. */
export interface TokenTime {
  token: number;
  compute: number;
  must: number;
  again: number;
  unused: number;
  busy: number;
  waiting: number;
  readBytes: number;
}

export const tokenParts: {
  key: 'compute' | 'must' | 'again' | 'unused' | 'busy' | 'waiting';
  name: string;
  hue: Hue;
}[] = [
  { key: 'compute', name: 'computing', hue: 'sky' },
  { key: 'must', name: 'must be read', hue: 'blue' },
  { key: 'again', name: 'read again', hue: 'red' },
  { key: 'unused', name: 'read ahead in vain', hue: 'yellow' },
  { key: 'busy', name: 'busy: others had the CPU', hue: 'purple' },
  { key: 'waiting', name: 'waiting', hue: 'grey' },
];

/**
 * Each token's time by the bound of its run: what it computes, then what it read at the disk's full speed, first what memory cannot hold, then
 * what was read ahead in vain and what was read again, then the time that others had the CPU; the rest is waiting. Computing and what must be
 * read go on side by side.
 */
export function tokenTimes(run: RunData): TokenTime[] {
  const { tokens, tokenBytes, bound, firstToken } = run;
  if (!bound || !tokenBytes || tokenBytes.length === 0) return [];
  const needed = Math.max(bound.touched - bound.kept, 0);
  const busyIn = busyOf(run);
  return tokenBytes.flatMap((readBytes, token) => {
    const [from, to] = [tokens[token], tokens[token + 1]];
    if (from === undefined || to === undefined) return [];
    let left = to - from;
    const take = (wanted: number) => {
      const taken = Math.min(Math.max(wanted, 0), left);
      left -= taken;
      return taken;
    };
    const compute = take(bound.compute);
    const must = take(Math.min(readBytes, needed) / bound.bandwidth - compute);
    const unusedBytes = Math.min(bound.unused, Math.max(readBytes - needed, 0));
    const unused = take(unusedBytes / bound.bandwidth);
    const again = take((readBytes - needed - unusedBytes) / bound.bandwidth);
    const busy = take(busyIn(from, to));
    return [{ token: firstToken + token, compute, must, again, unused, busy, waiting: left, readBytes }];
  });
}

/**
 * For how long others had the CPU in a span of time, in seconds: by what the workload's threads waited for one, as it was sampled, so that
 * all tokens together have what the bound says of them.
 */
function busyOf({ bound, samples, tokens }: RunData): (from: number, to: number) => number {
  const mean = bound?.busy ?? 0;
  const series = samples.workloadRunDelayUs;
  const [first, last] = [tokens[0], tokens.at(-1)];
  if (mean === 0 || !series || first === undefined || last === undefined) return () => mean;
  const waited = (from: number, to: number) => valueAt(series, to) - valueAt(series, from);
  const all = waited(first, last);
  if (all <= 0) return () => mean;
  const scale = (mean * (tokens.length - 1)) / all;
  return (from, to) => waited(from, to) * scale;
}

/** Of a counter at a time between two samples: in proportion. */
function valueAt({ time, value }: Series, at: number): number {
  const after = time.findIndex((t) => t >= at);
  if (after < 0) return value.at(-1) ?? 0;
  if (after === 0) return value[0] ?? 0;
  const [t0, t1] = [time[after - 1] as number, time[after] as number];
  const [v0, v1] = [value[after - 1] as number, value[after] as number];
  return v0 + ((v1 - v0) * (at - t0)) / Math.max(t1 - t0, 1e-9);
}

export function tokenTimeFigure(run: RunData): PlotFigure | null {
  const times = tokenTimes(run);
  if (times.length === 0) return null;
  return {
    kind: 'token-time',
    title: "Where a token's time goes",
    note: 'Each bar is a token. What lies above the dashed line is beyond what this memory and disk would need.',
    heightFor: (width) => Math.min(Math.max(width * 0.35, 250), 320),
    draw: (size) => draw(run, times, size),
    table: (): FigureTable => ({
      columns: ['token', ...tokenParts.map(({ key }) => `${key}_seconds`), 'read_bytes'],
      rows: times.map((one) => [one.token, ...tokenParts.map(({ key }) => one[key]), one.readBytes]),
    }),
  };
}

function draw({ bound }: RunData, times: readonly TokenTime[], size: Size): Svg {
  const least = bound ? 1 / bound.tokensPerSecond : 0;
  const key = legend({ left: 8, top: 12, right: size.width - 8 }, [
    ...tokenParts
      .filter(({ key: part }) => times.some((one) => one[part] > 0))
      .map(({ name, hue }) => ({ name, className: hue })),
    { name: `the bound: ${seconds(least)}`, className: 'grey', dash: '5 3' },
  ]);
  const box = { left: 62, top: 26 + key.lines * 15, right: size.width - 12, bottom: size.height - 36 };
  const total = (one: TokenTime) => tokenParts.reduce((sum, { key: part }) => sum + one[part], 0);
  const y = linearAxis(
    { from: 0, to: greatest(times.map(total)) },
    { from: box.bottom, to: box.top },
    5,
    seconds,
  );
  // More tokens than there is room for: each bar is the mean of some.
  const per = Math.max(1, Math.ceil(times.length / ((box.right - box.left) / 3)));
  const groups = Array.from({ length: Math.ceil(times.length / per) }, (_, i) =>
    times.slice(i * per, (i + 1) * per),
  );
  const width = (box.right - box.left) / groups.length;
  const x = linearAxis(
    { from: times[0]?.token ?? 0, to: (times[0]?.token ?? 0) + times.length },
    { from: box.left, to: box.right },
    Math.max(2, size.width / 90),
    String,
  );
  const bars = groups.map((group, i) => {
    let from = 0;
    const mean = (part: (typeof tokenParts)[number]['key']) =>
      group.reduce((sum, one) => sum + one[part], 0) / group.length;
    const rects = tokenParts.map(({ key: part, hue }) => {
      const height = y.at(0) - y.at(mean(part));
      from += height;
      return height > 0.05
        ? el('rect', {
            x: box.left + i * width,
            y: box.bottom - from,
            width: Math.max(width - (width > 4 ? 1 : 0), 0.5),
            height,
            class: `f-${hue} apart`,
          })
        : '';
    });
    const read = group.reduce((sum, { readBytes }) => sum + readBytes, 0) / group.length;
    const name =
      group.length === 1 ? `token ${group[0]?.token}` : `tokens ${group[0]?.token} to ${group.at(-1)?.token}`;
    const told = tokenParts.map(({ key: part, name: of }) => `${of} ${seconds(mean(part))}`).join(', ');
    return el('g', {}, [el('title', {}, escaped(`${name}: ${told}; ${bytes(read)} read`)), ...rects]);
  });
  const line = el('line', {
    ...{ x1: box.left, x2: box.right, y1: y.at(least), y2: y.at(least) },
    ...{ class: 'axis', 'stroke-dasharray': '5 3' },
  });
  return picture(size, "Where a token's time goes", [
    ...leftAxis(box, y, 'time of a token'),
    ...bottomAxis(box, x, 'token'),
    ...bars,
    line,
    ...key.svg,
  ]);
}

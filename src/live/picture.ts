import { append, greatest } from '../extremes.js';
import { bar } from '../report/bar.js';
import * as format from '../report/format.js';
import { printable } from '../report/printable.js';
import { sparkline } from '../report/sparkline.js';
import { type LiveRun, mapRows } from './live-run.js';
import type { TopRow } from './top-table.js';

/** A line of the view: what it says and how it looks. */
export interface Line {
  text: string;
  look?: 'bold' | 'dim' | 'warn' | 'accent';
}

/** Columns beside the map for what its places are. */
const mapMargin = 12;

export function mapWidth(columns: number): number {
  return Math.max(columns - mapMargin - 2, 10);
}

const shades = [' ', '░', '▒', '▓', '█'] as const;

/** The view of a run as lines of at most `columns`, at most `rows` of them. */
export function runPicture(live: LiveRun, title: string, columns: number, rows: number): Line[] {
  const { progress } = live;
  const lost = progress?.dropped ?? 0;
  const where = live.phase === 'generation' ? `generation, token ${live.tokens}` : live.phase;
  const factor = live.uniqueBytes > 0 ? live.readBytes / live.uniqueBytes : 0;
  const coverage = live.totalBytes > 0 ? live.uniqueBytes / live.totalBytes : 0;
  const width = Math.max(Math.min(columns - 46, 40), 4);
  const lines: Line[] = [
    { text: `blkscope  ${printable(title)}`, look: 'bold' },
    { text: `${where}, ${Math.floor(live.seconds)} s` },
    { text: '' },
    row(
      'read now',
      `${format.rate(progress?.readBytesPerSecond ?? 0)}`,
      sparkline(totals(live), Math.max(columns - 40, 8)),
    ),
    ...(live.totalBytes > 0
      ? [
          row('of the model', format.size(live.readBytes), `all else ${format.size(live.otherBytes)}`),
          row('read at least once', format.percent(Math.min(coverage, 1)), bar(coverage, width)),
          row('each byte so far', factor > 0 ? format.factor(factor) : '-', ''),
        ]
      : [row('read', format.size(live.otherBytes), '')]),
    ...memoryRows(live, width),
    row(
      'events',
      format.count(progress?.events ?? 0),
      `${format.count(progress?.eventsPerSecond ?? 0)}/s, spool ${format.size(progress?.spoolBytes ?? 0)}`,
    ),
    {
      ...row(
        'events lost',
        format.count(lost),
        live.missed > 0 ? `this view left out ${format.counted(live.missed, 'read')}` : '',
      ),
      ...(lost > 0 ? { look: 'warn' as const } : {}),
    },
  ];
  if (live.totalBytes > 0 && rows - lines.length > mapRows + 3) append(lines, map(live, columns));
  const room = rows - lines.length - 4;
  const hottest = room > 1 ? live.hottest(Math.min(room, 6)) : [];
  if (hottest.length > 0) {
    lines.push({ text: '' }, { text: 'most read for their size', look: 'bold' });
    for (const { name, times, readBytes } of hottest)
      lines.push({
        text: `  ${format.factor(times).padStart(9)}  ${format.size(readBytes).padStart(10)}  ${printable(name)}`,
      });
  }
  return fitted(
    [
      ...lines.slice(0, rows - 1),
      { text: 'q leaves this view, the run goes on; Ctrl-C ends the run', look: 'dim' },
    ],
    columns,
  );
}

function memoryRows(live: LiveRun, width: number): Line[] {
  const cached = live.last('modelCachedBytes');
  const free = live.last('availableBytes');
  const beside = free === null ? '' : `${format.size(free)} free`;
  if (cached === null || live.totalBytes === 0)
    return free === null ? [] : [row('memory available', format.size(free), '')];
  return [row('of it cached now', format.size(cached), `${bar(cached / live.totalBytes, width)}  ${beside}`)];
}

function row(name: string, value: string, rest: string): Line {
  return { text: `${name.padEnd(20)}${value.padStart(14)}  ${rest}` };
}

function totals({ columns }: LiveRun): number[] {
  return columns.map((column) => column.reduce((sum, bytes) => sum + bytes, 0));
}

/** Places upwards, the last minute across: darker where more was read. */
function map({ columns, totalBytes }: LiveRun, width: number): Line[] {
  const shown = columns.slice(-mapWidth(width));
  const most = Math.max(greatest(shown.flatMap((column) => [...column])), 1);
  const lines = Array.from({ length: mapRows }, (_, i) => {
    const place = mapRows - 1 - i;
    const label = i === 0 ? format.size(totalBytes) : place === 0 ? '0 B' : '';
    const cells = shown.map((column) => {
      const bytes = column[place] as number;
      return bytes === 0
        ? shades[0]
        : shades[1 + Math.min(Math.floor((3 * Math.log1p(bytes)) / Math.log1p(most)), 3)];
    });
    return { text: `${label.padStart(mapMargin - 1)} |${cells.join('')}`, look: 'accent' as const };
  });
  return [{ text: '' }, { text: 'where in the model, over the last minute', look: 'bold' }, ...lines];
}

/** `blkscope top` as lines. `cost`: of one CPU, what tracing and this view took in the span. */
export function topPicture(
  rows: readonly TopRow[],
  title: string,
  columns: number,
  height: number,
  cost: number | null = null,
): Line[] {
  const head = ['process', 'read', 'reads/s', 'sequential', 'takes', 'file'];
  const widths = [22, 12, 9, 12, 9] as const;
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) =>
        i === 0 ? cell.slice(0, 21).padEnd(22) : i < 5 ? cell.padStart(widths[i] as number) : `  ${cell}`,
      )
      .join('');
  const shown = rows.slice(0, Math.max(height - 5, 1)).map((one) => ({
    text: line([
      printable(`${one.process ?? '?'} ${one.pid}`),
      format.rate(one.bytesPerSecond),
      format.count(one.readsPerSecond),
      one.sequentialShare === null ? '-' : format.percent(one.sequentialShare),
      one.meanNs === null ? '-' : format.microseconds(one.meanNs),
      printable(one.file ?? ''),
    ]),
  }));
  const none = shown.length === 0 ? [{ text: 'nothing is read' }] : [];
  return fitted(
    [
      { text: `blkscope top  ${printable(title)}`, look: 'bold' },
      { text: '' },
      { text: line(head), look: 'dim' },
      ...shown,
      ...none,
      { text: '' },
      {
        text: `q or Ctrl-C ends it${cost === null ? '' : `; tracing and this view take ${format.percent(cost)} of one CPU`}`,
        look: 'dim',
      },
    ],
    columns,
  );
}

function fitted(lines: readonly Line[], columns: number): Line[] {
  return lines.map((line) => ({ ...line, text: line.text.slice(0, columns) }));
}

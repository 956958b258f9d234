import { greatest } from '../extremes.js';
import type { FigureTable, PlotFigure } from './figure.js';
import { type Box, bottomAxis, byteAxis } from './frame.js';
import { heatScale } from './heat-scale.js';
import { bytes, seconds, share } from './numbers.js';
import type { Residency, RunData } from './run-data.js';
import { el, escaped, picture, type Size, type Svg, text } from './svg.js';
import { heatColour } from './theme.js';

const rowHeight = 16;
const left = 84;
const top = 40;
const foot = 40;

/** What of each tensor was in the page cache: a strip for each moment, the model from its first byte to its last. */
export function residencyFigure(run: RunData): PlotFigure | null {
  const { residency } = run;
  if (!residency || residency.moments.length === 0) return null;
  const { moments, parts } = residency;
  return {
    kind: 'residency',
    title: 'What of the model was in memory',
    note: 'A row is a moment, from before the workload to after it. From left to right lies the model, each tensor as wide as its size; the stronger its colour, the more of it was in the page cache.',
    heightFor: () => top + moments.length * rowHeight + foot,
    draw: (size) => draw(run, residency, size),
    table: (): FigureTable => ({
      columns: ['moment', 'seconds', 'part', 'offset', 'bytes', 'cached_bytes'],
      rows: moments.flatMap(({ name, time, cached }) =>
        parts.map((part, i) => [name, time, part.name, part.offset, part.bytes, cached[i] as number]),
      ),
    }),
  };
}

function draw({ regions }: RunData, { moments, parts }: Residency, size: Size): Svg {
  const end = greatest(parts.map(({ offset, bytes: length }) => offset + length));
  const box = { left, top, right: size.width - 12, bottom: size.height - foot };
  const x = byteAxis(end, { from: box.left, to: box.right }, Math.max(3, size.width / 120), bytes);
  const height = (box.bottom - box.top) / moments.length;
  const strips = moments.map(({ name, time, cached }, row) => {
    const y = box.top + row * height;
    const when = name === 'during' ? seconds(time) : name;
    const cells = parts.map((part, i) => {
      const [from, to] = [x.at(part.offset), x.at(part.offset + part.bytes)];
      const of = (cached[i] as number) / part.bytes;
      const told = `${part.name}, ${name === 'during' ? `at ${when}` : `${when} the workload`}: ${bytes(cached[i] as number)} of ${bytes(part.bytes)} in memory (${share(of)})`;
      // Cells overlap a little, so that no seam shows between them.
      return el(
        'rect',
        { x: from, y, width: to - from + 0.3, height: height - 1, fill: heatColour(of) },
        el('title', {}, escaped(told)),
      );
    });
    return [...cells, text(left - 5, y + height / 2 + 3, when, { class: 'tick', 'text-anchor': 'end' })].join(
      '',
    );
  });
  return picture(size, 'What of the model was in memory', [
    ...heatScale({ left: 8, top: 6 }, ['nothing of it', 'all of it']),
    ...bottomAxis(box, x, 'place in the model'),
    ...strips,
    ...layerTicks(regions, x.at, box),
  ]);
}

/** Above the strips: where layers begin. */
function layerTicks(regions: RunData['regions'], at: (offset: number) => number, box: Box): Svg[] {
  let before: number | null = null;
  let told = Number.NEGATIVE_INFINITY;
  return regions.flatMap(({ layer, offset }) => {
    const begins = layer !== null && layer !== before;
    before = layer;
    if (!begins) return [];
    const x = at(offset);
    const tick = el('line', { x1: x, x2: x, y1: box.top - 4, y2: box.top, class: 'axis' });
    if (x - told < 16) return [tick];
    told = x;
    return [tick, text(x + 2, box.top - 3, `${layer}`, { class: 'tick', style: 'font-size:8px' })];
  });
}

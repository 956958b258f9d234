import { greatest, smallest } from '../extremes.js';
import type { PlotFigure } from './figure.js';
import { bottomAxis, byteAxis, leftAxis } from './frame.js';
import { bytes } from './numbers.js';
import type { RunData } from './run-data.js';
import { el, escaped, picture, type Size, type Svg } from './svg.js';

/** Where each piece of the model's files lies: offset in the files across, disk address upwards. */
export function fragmentFigure({ extents }: RunData): PlotFigure | null {
  if (extents.length === 0) return null;
  const end = greatest(extents.map(({ offset, bytes: size }) => offset + size));
  const low = smallest(extents.map(({ sector }) => sector * 512));
  const high = greatest(extents.map(({ sector, bytes: size }) => sector * 512 + size));
  const draw = (size: Size): Svg => {
    const box = { left: 72, top: 26, right: size.width - 16, bottom: size.height - 36 };
    const x = byteAxis(end, { from: box.left, to: box.right }, Math.max(3, size.width / 120), bytes);
    const y = byteAxis(high - low, { from: box.bottom, to: box.top }, 4, (value) => `+${bytes(value)}`);
    const lines = extents.map(({ offset, sector, bytes: length }) => {
      const at = sector * 512 - low;
      return el(
        'line',
        {
          x1: x.at(offset),
          y1: y.at(at),
          x2: Math.max(x.at(offset + length), x.at(offset) + 1),
          y2: y.at(at + length),
          class: 'line s-blue',
          style: 'stroke-width:2.5',
        },
        el(
          'title',
          {},
          escaped(
            `${bytes(length)} at ${bytes(offset)} of the file: sectors ${sector} to ${sector + length / 512 - 1}`,
          ),
        ),
      );
    });
    return picture(size, 'Where the model lies on the disk', [
      ...leftAxis(box, y, `disk address, from ${bytes(low)} on`),
      ...bottomAxis(box, x, 'place in the model'),
      ...lines,
    ]);
  };
  return {
    kind: 'fragments',
    title: 'Where the model lies on the disk',
    note: `${extents.length} ${extents.length === 1 ? 'piece' : 'pieces'}. A file in one piece is one rising line.`,
    heightFor: (width) => Math.min(Math.max(width * 0.35, 180), 280),
    draw,
    table: () => ({
      columns: ['file_offset', 'sector', 'bytes'],
      rows: extents.map(({ offset, sector, bytes: length }) => [offset, sector, length]),
    }),
  };
}

import type { FileMap } from '../map/file-map.js';
import { bytesByKind } from '../model/uses.js';
import { fit } from './fit.js';
import * as format from './format.js';
import { printable } from './printable.js';
import { plainScreen, type Screen } from './screen.js';
import { layOut } from './table.js';
import { usesLine } from './uses-line.js';

/** How a map is written. */
export interface MapReportOptions {
  /** Lists every tensor. */
  tensors?: boolean;
  /** Default: 80 columns without colours. */
  screen?: Screen;
}

/** More extents than this are told by their number alone; --json has them all. */
const extentsShown = 40;

/**
 * A file's extents on the disk, how fragmented it is, and where its tensors lie.
 *
 * @example
 * console.log(renderMap(await mapFile('model.gguf'), { tensors: true }));
 */
export function renderMap(
  map: FileMap,
  { tensors = false, screen = plainScreen }: MapReportOptions = {},
): string {
  const fragments = map.fragments === 1 ? 'in one piece' : `in ${format.count(map.fragments)} pieces`;
  const lines = [
    screen.style.bold(
      `${printable(map.path)}: ${format.size(map.bytes)} ${fragments} on ${map.device} (${map.fileSystem})`,
    ),
    `${format.counted(map.extents.length, 'extent')}, the largest piece ${format.size(map.largestFragment)}, ${format.counted(map.backward, 'step')} backward`,
  ];
  const shown = map.extents.slice(0, extentsShown);
  const extents = layOut(
    [
      ['extent', 'file offset', 'length', 'first sector', 'last sector'],
      ...shown.map(({ fileOffset, bytes, sector }, i) =>
        [i, fileOffset, bytes, sector, sector + bytes / 512 - 1].map(String),
      ),
    ],
    screen,
  );
  const more = map.extents.length - shown.length;
  const rest = more > 0 ? `${format.count(more)} more; --json lists all\n` : '';
  const told = map.tensors ? tensorsSection(map.tensors, tensors, screen) : '';
  const notes = map.notes.map((note) => `${note}\n`).join('');
  return fit(`${lines.join('\n')}\n${extents}${rest}${told}${notes}`, screen.columns);
}

function tensorsSection(tensors: NonNullable<FileMap['tensors']>, all: boolean, screen: Screen): string {
  const split = tensors.filter(({ extents }) => extents > 1);
  const counts = `${format.counted(tensors.length, 'tensor')}, ${format.count(split.length)} of them in more than one extent`;
  const told = `${counts}\n${usesLine(bytesByKind(tensors))}\n`;
  if (!all) return told;
  const rows = tensors.map(({ name, type, role, use, fileOffset, bytes, sector, extents }) => [
    printable(name),
    ...[type, role, use],
    ...[fileOffset, bytes, sector ?? '-', extents].map(String),
  ]);
  return (
    told +
    layOut(
      [['tensor', 'type', 'role', 'used', 'file offset', 'length', 'first sector', 'extents'], ...rows],
      { ...screen, gap: 2, longNames: 'above' },
    )
  );
}

import type { FileMap } from '../map/file-map.js';
import { layOut } from './compare.js';
import * as format from './format.js';
import { plainStyle, type Style } from './style.js';
import { usesLine } from './uses-line.js';

export interface MapReportOptions {
  /** Lists every tensor. */
  tensors?: boolean;
  style?: Style;
}

/** More extents than this are told by their number alone; --json has them all. */
const extentsShown = 40;

/** A file's extents on the disk, how fragmented it is, and where its tensors lie. */
export function renderMap(
  map: FileMap,
  { tensors = false, style = plainStyle }: MapReportOptions = {},
): string {
  const fragments = map.fragments === 1 ? 'in one piece' : `in ${format.count(map.fragments)} pieces`;
  const lines = [
    style.bold(`${map.path}: ${format.size(map.bytes)} ${fragments} on ${map.device} (${map.fileSystem})`),
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
    style,
  );
  const more = map.extents.length - shown.length;
  const rest = more > 0 ? `${format.count(more)} more; --json lists all\n` : '';
  return `${lines.join('\n')}\n${extents}${rest}${map.tensors ? tensorsSection(map.tensors, tensors, style) : ''}${map.notes.map((note) => `${note}\n`).join('')}`;
}

function tensorsSection(tensors: NonNullable<FileMap['tensors']>, all: boolean, style: Style): string {
  const split = tensors.filter(({ extents }) => extents > 1);
  const bytes = { whole: 0, rows: 0, experts: 0, none: 0, unknown: 0 };
  for (const tensor of tensors) bytes[tensor.use] += tensor.bytes;
  const counts = `${format.counted(tensors.length, 'tensor')}, ${format.count(split.length)} of them in more than one extent`;
  const told = `${counts}\n${usesLine(bytes)}\n`;
  if (!all) return told;
  const rows = tensors.map(({ name, type, role, use, fileOffset, bytes, sector, extents }) => [
    name,
    ...[type, role, use],
    ...[fileOffset, bytes, sector ?? '-', extents].map(String),
  ]);
  return (
    told +
    layOut(
      [['tensor', 'type', 'role', 'used', 'file offset', 'length', 'first sector', 'extents'], ...rows],
      style,
    )
  );
}

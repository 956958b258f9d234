import stringWidth from 'fast-string-width';
import { wrapAnsi } from 'fast-wrap-ansi';
import { printable } from './printable.js';
import { emphasis } from './style.js';

/** Text that is already laid out, with no line longer than `columns`: longer ones go on below, indented by two more. */
export function fit(text: string, columns: number): string {
  return text
    .split('\n')
    .map(printableLine)
    .flatMap((line) => fitLine(line, columns))
    .join('\n');
}

/** Most lines: ASCII, and the blocks of bars and sparklines. */
const plain = /^[ -~\u2580-\u259f]*$/;

/** What a terminal shows in so many columns: emphasis takes none, East Asian characters take two. */
export function widthOf(text: string): number {
  return plain.test(text) ? text.length : stringWidth(text);
}

/** Lines of at most `columns`, broken between words, and within those that are longer than a line. */
export function wrapped(text: string, columns: number): string[] {
  return wrapAnsi(text, Math.max(columns, 1), { hard: true }).split('\n');
}

function fitLine(line: string, columns: number): string[] {
  if (widthOf(line) <= columns) return [line];
  const indent = /^ */.exec(line)?.[0].length ?? 0;
  const room = Math.max(columns - indent - 2, 10);
  const lines = wrapped(line.slice(indent), room);
  return lines.map((part, i) => ' '.repeat(i === 0 ? indent : indent + 2) + part);
}

// Emphasis is ours; any other control character came with a name.
const ours = new RegExp(`(${emphasis.source})`);

function printableLine(line: string): string {
  return line
    .split(ours)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join('');
}

import { widthOf } from './fit.js';
import type { Style } from './style.js';

export interface TableLook {
  style: Style;
  /** No line is longer: what does not fit follows in another block. */
  columns: number;
  /** Spaces between columns. */
  gap?: number;
  /** Spaces before the first. */
  indent?: number;
  /** Where names leave no room for the other columns: above their line; else the columns come in blocks. */
  longNames?: 'above';
}

/**
 * Rows as columns that are as wide as their widest cell, the first to the left, the first row as heads. Where the columns do not fit side
 * by side, blocks follow one another, each with the first column.
 */
export function layOut(rows: readonly (readonly string[])[], look: TableLook): string {
  const { style, columns, gap = 3, indent = 1 } = look;
  // A name alone on its line takes no part in the columns.
  const inColumns = rows.filter((row) => row.length > 1);
  const widths = (rows[0] ?? []).map((_, i) =>
    inColumns.reduce((most, row) => Math.max(most, widthOf(row[i] ?? '')), 0),
  );
  const rest = widths.slice(1).reduce((sum, width) => sum + gap + width, indent);
  const { longNames, ...below } = look; // once: the head of the names stays in the columns, and may itself be too long for them
  if (longNames === 'above' && rest + (widths[0] ?? 0) > columns && rest + shortName <= columns) {
    return layOut(rows.flatMap(aboveItsLine), { ...below, indent, gap });
  }
  const blocks = blocksOf(widths, columns - indent, gap);
  const texts = blocks.map((block) =>
    rows
      .map((row, index) => {
        const cells =
          row.length === 1 ? row : [0, ...block].map((i) => padded(row[i] ?? '', widths[i] as number, i > 0));
        const line = (' '.repeat(indent) + cells.join(' '.repeat(gap))).trimEnd();
        return index === 0 ? style.bold(line) : line;
      })
      .join('\n'),
  );
  return `${texts.join('\n\n')}\n`;
}

/** The width of what stands for a name that is above its line. */
const shortName = 2;

function aboveItsLine([name = '', ...cells]: readonly string[], row: number): string[][] {
  return row === 0 ? [[name, ...cells]] : [[name], ['', ...cells]];
}

function padded(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(width - widthOf(text), 0));
  return right ? space + text : text + space;
}

/**
 * The same where heads are names that may be long: those that leave no room are told in a list above, and the columns are headed by numbers.
 */
export function layOutNamed(rows: readonly (readonly string[])[], look: TableLook): string {
  const [[corner = '', ...names] = [], ...body] = rows;
  const asIs = layOut(rows, look);
  const numbered = layOut([[corner, ...names.map((_, i) => `[${i + 1}]`)], ...body], look);
  const lines = (text: string) => text.split('\n').length;
  if (lines(numbered) + names.length >= lines(asIs)) return asIs;
  return `${names.map((name, i) => ` [${i + 1}] ${name}\n`).join('')}\n${numbered}`;
}

/** Which columns besides the first stand beside each other. */
function blocksOf(widths: readonly number[], room: number, gap: number): number[][] {
  const blocks: number[][] = [[]];
  let used = widths[0] ?? 0;
  for (let i = 1; i < widths.length; i++) {
    const width = gap + (widths[i] as number);
    if (used + width > room && (blocks.at(-1) as number[]).length > 0) {
      blocks.push([]);
      used = widths[0] as number;
    }
    (blocks.at(-1) as number[]).push(i);
    used += width;
  }
  return blocks;
}

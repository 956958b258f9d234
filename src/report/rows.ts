/** Rows of a query as text. */
import {
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  type DuckDBValueConverter,
  type Json,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';
import { greatest } from '../extremes.js';
import { printable } from './printable.js';

// A number in JavaScript tells so many decimal digits from one another.
const exactDigits = 15;

/** Numbers where that is exact, else text; times as DuckDB writes them, to their last digit; lists and structs of such. */
export const exactValue: DuckDBValueConverter<Json | bigint | null> = (value, type, converter) => {
  if (typeof value === 'bigint') return value;
  if (value instanceof DuckDBDecimalValue) {
    return value.width <= exactDigits ? Number(String(value)) : String(value);
  }
  if (value instanceof DuckDBIntervalValue) return String(value);
  return JsonDuckDBValueConverter(value, type, converter as DuckDBValueConverter<Json>);
};

/** Integers beyond what JSON readers keep exactly become text. */
export function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

/** A line by RFC 4180, with a line feed; null is empty. */
export function csvLine(row: readonly unknown[]): string {
  return `${row.map((value) => csvField(plain(value))).join(',')}\n`;
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Columns aligned: numbers to the right, the rest to the left. */
export function textTable(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => row.map((value) => printable(plain(value))));
  const names = columns.map(printable);
  const widths = names.map((name, i) =>
    cells.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), name.length),
  );
  const right = columns.map((_, i) => rows.some((row) => isNumber(row[i])));
  const line = (row: readonly string[]) =>
    row
      .map((text, i) => (right[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(names), rule, ...cells.map(line), ''].join('\n');
}

/** A row as a block of lines, a column each: for tables that are wider than the terminal. */
export function textBlocks(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const names = columns.map(printable);
  const width = Math.max(0, greatest(names.map(({ length }) => length)));
  return rows
    .map((row, i) =>
      [
        `-- ${i + 1}`,
        ...names.map((name, k) => `${name.padEnd(width)}  ${printable(plain(row[k]))}`),
        '',
      ].join('\n'),
    )
    .join('');
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value, jsonValue) : String(value);
}

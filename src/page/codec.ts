/**
 * A value of JSON that holds columns of numbers (Uint32Array), as text and bytes: both for the page that is written and for the one
 * that reads it. Columns stand in the bytes as four planes, lowest bytes first, which pack far better than the numbers side by side;
 * of ascending columns the steps are kept.
 */
export interface Packed {
  json: string;
  bytes: Uint8Array;
}

interface Column {
  $column: number;
  length: number;
  steps: boolean;
}

export function pack(value: unknown): Packed {
  const planes: Uint8Array[] = [];
  let at = 0;
  const json = JSON.stringify(value, (_key, inner: unknown) => {
    if (!(inner instanceof Uint32Array)) return inner;
    const steps = ascends(inner);
    const column: Column = { $column: at, length: inner.length, steps };
    const bytes = planesOf(steps ? stepsOf(inner) : inner);
    planes.push(bytes);
    at += bytes.length;
    return column;
  });
  const bytes = new Uint8Array(at);
  let from = 0;
  for (const plane of planes) {
    bytes.set(plane, from);
    from += plane.length;
  }
  return { json, bytes };
}

export function unpack(json: string, bytes: Uint8Array): unknown {
  return JSON.parse(json, (_key, inner: unknown) => (isColumn(inner) ? columnOf(inner, bytes) : inner));
}

function isColumn(value: unknown): value is Column {
  return typeof value === 'object' && value !== null && typeof (value as Column).$column === 'number';
}

function ascends(values: Uint32Array): boolean {
  for (let i = 1; i < values.length; i++) if ((values[i] as number) < (values[i - 1] as number)) return false;
  return true;
}

function stepsOf(values: Uint32Array): Uint32Array {
  return values.map((value, i) => (i === 0 ? value : value - (values[i - 1] as number)));
}

function planesOf(values: Uint32Array): Uint8Array {
  const { length } = values;
  const planes = new Uint8Array(4 * length);
  for (let i = 0; i < length; i++) {
    const value = values[i] as number;
    planes[i] = value;
    planes[length + i] = value >>> 8;
    planes[2 * length + i] = value >>> 16;
    planes[3 * length + i] = value >>> 24;
  }
  return planes;
}

function columnOf({ $column: at, length, steps }: Column, bytes: Uint8Array): Uint32Array {
  const values = new Uint32Array(length);
  let before = 0;
  for (let i = 0; i < length; i++) {
    const from = at + i;
    const value =
      (bytes[from] as number) |
      ((bytes[from + length] as number) << 8) |
      ((bytes[from + 2 * length] as number) << 16) |
      ((bytes[from + 3 * length] as number) << 24);
    before = steps ? before + (value >>> 0) : value >>> 0;
    values[i] = before;
  }
  return values;
}

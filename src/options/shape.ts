// What a value has to be, as plain data: a schema of zod without zod, which takes longer to load and to set up than most
// values take to check. `zod-shape.ts` makes it of the schema, and the build does so ahead.

/** A kind and what it is made of; other nodes by their place in the shape. */
export type ShapeNode =
  | ['string' | 'boolean']
  /** `lowest`: of what may be; null: any. */
  | ['number' | 'integer', lowest: number | null]
  | ['oneOf', values: readonly unknown[]]
  | ['nullable' | 'optional' | 'array' | 'record', of: number]
  | ['default', of: number, json: string]
  /** `loose`: keys that are not named are kept, and else they are left out. */
  | ['object', keys: Readonly<Record<string, number>>, loose: boolean];

/** The last node is the whole. */
export type Shape = readonly ShapeNode[];

class Unfit extends Error {}

/**
 * A value of JSON as the schema of `shape` gives it, with the keys in the schema's order. null: it may not fit; the schema tells
 * whether and why.
 */
export function fitted(shape: Shape, value: unknown): unknown {
  try {
    return fit(shape, shape.length - 1, value);
  } catch (error) {
    if (error instanceof Unfit) return null;
    throw error;
  }
}

function fit(shape: Shape, place: number, value: unknown): unknown {
  const node = shape[place] as ShapeNode;
  switch (node[0]) {
    case 'string':
    case 'boolean':
      return must(typeof value === node[0], value);
    case 'number':
      return must(Number.isFinite(value) && reaches(value as number, node[1]), value);
    case 'integer':
      return must(Number.isSafeInteger(value) && reaches(value as number, node[1]), value);
    case 'oneOf':
      return must(node[1].includes(value), value);
    case 'nullable':
      return value === null ? null : fit(shape, node[1], value);
    case 'optional':
      return value === undefined ? undefined : fit(shape, node[1], value);
    case 'default':
      return value === undefined ? JSON.parse(node[2]) : fit(shape, node[1], value);
    case 'array':
      must(Array.isArray(value), value);
      return (value as unknown[]).map((each) => fit(shape, node[1], each));
    case 'record':
      return fitRecord(shape, node[1], objectOf(value));
    case 'object':
      return fitObject(shape, node[1], node[2], objectOf(value));
  }
}

function fitRecord(shape: Shape, of: number, value: Record<string, unknown>): Record<string, unknown> {
  const keys = Object.keys(value);
  must(!keys.includes('__proto__'), value);
  return Object.fromEntries(keys.map((key) => [key, fit(shape, of, value[key])]));
}

function fitObject(
  shape: Shape,
  keys: Readonly<Record<string, number>>,
  loose: boolean,
  value: Record<string, unknown>,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key in keys) {
    const own = Object.hasOwn(value, key);
    const fits = fit(shape, keys[key] as number, own ? value[key] : undefined);
    if (own || fits !== undefined) result[key] = fits;
  }
  if (!loose) return result;
  must(!Object.hasOwn(value, '__proto__'), value);
  return { ...result, ...Object.fromEntries(Object.entries(value).filter(([key]) => !(key in keys))) };
}

function objectOf(value: unknown): Record<string, unknown> {
  return must(
    typeof value === 'object' && value !== null && !Array.isArray(value),
    value as Record<string, unknown>,
  );
}

function reaches(value: number, lowest: number | null): boolean {
  return lowest === null || value >= lowest;
}

function must<T>(fits: boolean, value: T): T {
  if (!fits) throw new Unfit();
  return value;
}

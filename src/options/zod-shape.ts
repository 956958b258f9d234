import type * as z from 'zod';
import type { Shape, ShapeNode } from './shape.js';

type Def = z.core.$ZodTypes['_zod']['def'];
type Checks = readonly z.core.$ZodCheck<never>[] | undefined;

/** A schema as plain data. Throws at what a shape cannot hold: then the schema has to check by itself. */
export function shapeOf(schema: z.core.$ZodType): Shape {
  const places = new Map<string, number>();
  const shape: ShapeNode[] = [];
  const place = (of: z.core.$ZodType): number => {
    const node = nodeOf(defOf(of), place);
    const text = JSON.stringify(node);
    const known = places.get(text);
    if (known !== undefined) return known;
    places.set(text, shape.length);
    return shape.push(node) - 1;
  };
  place(schema);
  return shape;
}

function nodeOf(def: Def, place: (of: z.core.$ZodType) => number): ShapeNode {
  if (def.type === 'number') return numberNode(def);
  if (def.checks?.length || 'format' in def) throw new TypeError(`no shape has checks of a ${def.type}`);
  switch (def.type) {
    case 'string':
    case 'boolean':
      return [def.type];
    case 'literal':
      return ['oneOf', def.values];
    case 'enum':
      return ['oneOf', Object.values(def.entries)];
    case 'union':
      return ['oneOf', def.options.flatMap((option) => valuesOf(defOf(option)))];
    case 'nullable':
    case 'optional':
      return [def.type, place(def.innerType)];
    case 'default':
      return ['default', place(def.innerType), JSON.stringify(def.defaultValue)];
    case 'array':
      return ['array', place(def.element)];
    case 'record':
      return recordNode(def, place);
    case 'object':
      return objectNode(def, place);
    default:
      throw new TypeError(`no shape has a ${def.type}`);
  }
}

function numberNode(def: z.core.$ZodNumberDef): ShapeNode {
  let whole = 'format' in def && isInteger(def.format);
  let lowest: number | null = null;
  for (const { _zod } of (def.checks as Checks) ?? []) {
    const check: Readonly<Record<string, unknown>> = { ..._zod.def };
    if (check.check === 'number_format') whole = isInteger(check.format);
    else if (check.check === 'greater_than' && check.inclusive === true) lowest = Number(check.value);
    else throw new TypeError(`no shape has the check ${check.check}`);
  }
  return [whole ? 'integer' : 'number', lowest];
}

function isInteger(format: unknown): boolean {
  if (format === 'safeint') return true;
  throw new TypeError(`no shape has numbers of the format ${format}`);
}

function objectNode(def: z.core.$ZodObjectDef, place: (of: z.core.$ZodType) => number): ShapeNode {
  const rest = def.catchall && defOf(def.catchall).type;
  if (rest && rest !== 'unknown') throw new TypeError('no shape has a type for keys that are not named');
  const keys = Object.entries(def.shape).map(([key, of]) => [key, place(of)] as const);
  return ['object', Object.fromEntries(keys), rest === 'unknown'];
}

function recordNode(def: z.core.$ZodRecordDef, place: (of: z.core.$ZodType) => number): ShapeNode {
  const keys = nodeOf(defOf(def.keyType), place);
  if (keys[0] !== 'string') throw new TypeError(`no shape has keys of ${keys[0]}`);
  return ['record', place(def.valueType)];
}

function valuesOf(def: Def): readonly unknown[] {
  if (def.type === 'literal') return def.values;
  throw new TypeError(`no shape has a choice with a ${def.type}`);
}

function defOf(schema: z.core.$ZodType): Def {
  return (schema as z.core.$ZodTypes)._zod.def;
}

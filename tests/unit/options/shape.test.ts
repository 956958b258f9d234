import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as z from 'zod';
import { summarySchema } from '../../../src/figures/summary-schema.js';
import { summaryShape } from '../../../src/figures/summary-shape.js';
import { fitted } from '../../../src/options/shape.js';
import { shapeOf } from '../../../src/options/zod-shape.js';
import { configSchema } from '../../../src/run/config-schema.js';
import { configShape } from '../../../src/run/config-shape.js';
import { summaryFixture } from '../figures/summary-fixture.js';

const asJson = (value: unknown) => JSON.parse(JSON.stringify(value));
const summary = asJson(summaryFixture(3));
const config = JSON.parse(
  readFileSync(new URL('../../fixtures/schema-1/config.json', import.meta.url), 'utf8'),
);

type Holder = Record<string, unknown>;

/** Every place in a value of JSON: what holds it and under which key. */
function places(value: unknown): [Holder, string][] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Holder;
  return Object.keys(holder).flatMap((key) => [[holder, key] as [Holder, string], ...places(holder[key])]);
}

const others = [
  null,
  -1,
  0.5,
  Number.POSITIVE_INFINITY,
  2 ** 60,
  '',
  'other',
  true,
  [],
  {},
  [null],
  { a: 1 },
];

for (const { name, shape, schema, value } of [
  { name: 'summary', shape: summaryShape, schema: summarySchema, value: summary },
  { name: 'config', shape: configShape, schema: configSchema, value: config },
]) {
  test(`a ${name} that fits comes out as its schema gives it, key by key`, () => {
    const given = { more: 1, ...value };
    const fits = fitted(shape, given);
    assert.notEqual(fits, null);
    assert.equal(JSON.stringify(fits), JSON.stringify(schema.parse(given)));
  });

  test(`a shape takes no ${name} that its schema refuses, and all that it accepts`, () => {
    for (const [holder, key] of places(value)) {
      const kept = holder[key];
      for (const other of Array.isArray(holder) ? others : [...others, undefined]) {
        if (other === undefined) delete holder[key];
        else holder[key] = other;
        const { success, data } = schema.safeParse(value, { jitless: true });
        const fits = fitted(shape, value);
        assert.equal(fits !== null, success, `${key}: ${JSON.stringify(other)}`);
        if (success) assert.deepEqual(fits, data, key);
      }
      holder[key] = kept;
    }
  });
}

test('the name of the prototype is no key that a shape takes', () => {
  const shape = shapeOf(z.record(z.string(), z.number()));
  assert.equal(fitted(shape, JSON.parse('{ "__proto__": 1 }')), null);
  assert.equal(fitted(shapeOf(z.looseObject({})), JSON.parse('{ "__proto__": {} }')), null);
});

test('what a shape cannot hold is refused when it is made', () => {
  for (const schema of [
    z.string().min(1),
    z.email(),
    z.number().max(3),
    z.number().positive(),
    z.int32(),
    z.strictObject({}),
    z.object({ a: z.string() }).refine(() => true),
    z.string().transform(Number),
    z.union([z.string(), z.number()]),
    z.record(z.enum(['a']), z.number()),
    z.custom(() => true),
  ])
    assert.throws(() => shapeOf(schema), TypeError, JSON.stringify(schema._zod.def));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { complaintOf } from '../../../src/options/complaint.js';
import {
  abortSignal,
  environment,
  flag,
  name,
  sector,
  size,
  texts,
  whole,
} from '../../../src/options/fields.js';

const schema = z.strictObject({
  repack: z.union([flag, z.array(flag).min(1)]).optional(),
  tokens: z.union([whole.positive(), z.array(whole.positive()).min(1)]).optional(),
  cache: z.enum(['cold', 'warm', 'asIs']).optional(),
  router: z.union([z.literal('uniform'), z.strictObject({ zipf: z.number().nonnegative() })]).optional(),
  style: z.literal('text').optional(),
  limit: size.optional(),
  at: sector.optional(),
  env: environment.optional(),
  args: texts.optional(),
  name: name.optional(),
  deep: z.object({ list: z.array(z.object({ count: whole })) }).optional(),
  signal: abortSignal.optional(),
});

const complaints: [unknown, string][] = [
  [{ repack: 'maybe' }, "repack: must be true or false, not 'maybe'"],
  [{ repack: [true, 1] }, 'repack.1: must be true or false, not 1'],
  [{ tokens: 'ten' }, "tokens: must be a number, not 'ten'"],
  [{ tokens: 1.5 }, 'tokens: must be a whole number, not 1.5'],
  [{ tokens: Number.NaN }, 'tokens: must be a number, not NaN'],
  [{ tokens: [5, {}] }, 'tokens.1: must be a number, not an object'],
  [{ tokens: [] }, 'tokens: is empty'],
  [{ tokens: 0 }, 'tokens: must be more than 0'],
  [{ cache: 'hot' }, "cache: must be cold, warm or asIs, not 'hot'"],
  [{ cache: 7 }, 'cache: must be cold, warm or asIs, not 7'],
  [{ style: null }, 'style: must be text, not null'],
  [{ router: { zipf: 'one' } }, "router.zipf: must be a number, not 'one'"],
  [{ router: 'even' }, "router: must be uniform, not 'even'"],
  [{ limit: 'much' }, "limit: 'much' is not a size; write it like 15G, 512MiB or 800MB"],
  [{ at: 'x' }, 'at: is not a sector; give a whole number from 0 on'],
  [{ env: { '9': 'a' } }, 'env.9: is no name that is allowed here'],
  [{ env: { A: 1 } }, 'env.A: must be text, not 1'],
  [{ env: ['A=1'] }, 'env: must be an object, not a list'],
  [{ args: '--x' }, "args: must be a list, not '--x'"],
  [{ args: ['a', ['b']] }, 'args.1: must be text, not a list'],
  [{ name: '' }, 'name: is empty'],
  [{ deep: { list: [{ count: 1 }, {}] } }, 'deep.list.1.count: is missing'],
  [{ deep: { list: [{ count: true }] } }, 'deep.list.0.count: must be a number, not true'],
  [{ signal: 1 }, 'signal: is no AbortSignal; give that of an AbortController'],
  [{ toknes: 1 }, 'toknes: no such key'],
  [{ repack: 'y'.repeat(200) }, `repack: must be true or false, not '${'y'.repeat(40)}…'`],
  [7, 'must be an object, not 7'],
  [null, 'must be an object, not null'],
];

test('each kind of wrong value is refused in our words: where, what it must be, and what it is', () => {
  const told = complaints.map(([given]) => {
    const { error } = schema.safeParse(given, { reportInput: true, jitless: true });
    return error ? complaintOf(error) : 'nothing';
  });
  assert.deepEqual(
    told,
    complaints.map(([, complaint]) => complaint),
  );
});

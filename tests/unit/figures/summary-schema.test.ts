import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Summary, summarySchema } from '../../../src/figures/summary-schema.js';
import { summaryFixture } from './summary-fixture.js';

test('a summary goes through JSON and its schema unchanged', () => {
  const summary = summaryFixture(3);
  assert.deepEqual(summarySchema.parse(JSON.parse(JSON.stringify(summary))), summary);
});

test('parts that no issue fills yet are null', () => {
  assert.ok(summarySchema.safeParse(summaryFixture(1, (s) => (s.model = null))).success);
  assert.ok(summarySchema.safeParse(summaryFixture(1, (s) => (s.workload = null))).success);
});

test('a figure that is missing, negative or no number is refused, and named', () => {
  const broken: [string, (s: Summary) => void][] = [
    ['reads.bytes', (s) => delete (s.reads as Partial<Summary['reads']>).bytes],
    ['integrity.eventsDropped', (s) => Object.assign(s.integrity, { eventsDropped: -1 })],
    ['reads.uniqueSectors', (s) => Object.assign(s.reads, { uniqueSectors: 'many' })],
    ['memory.mode', (s) => Object.assign(s.memory, { mode: 'swap' })],
    ['schema', (s) => Object.assign(s, { schema: 1 })],
  ];
  for (const [path, breakIt] of broken) {
    const summary = structuredClone(summaryFixture());
    breakIt(summary);
    const result = summarySchema.safeParse(summary);
    assert.equal(result.success, false, path);
    assert.equal(result.error?.issues[0]?.path.join('.'), path);
  }
});

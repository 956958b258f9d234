import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keptFigure, type Validity } from '../../../src/bound/kept-figure.js';

test('a figure is measured once for a key, and again where it is old, cannot be right or is damaged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-kept-'));
  try {
    let measured = 0;
    const figure = (key: string, validity: Partial<Validity<number>> = {}) =>
      keptFigure(folder, key, { validMs: 60_000, ...validity }, async () => ++measured);
    const holds = (ns: number) => ns > 1;
    assert.deepEqual([await figure('a'), await figure('a'), await figure('b')], [1, 1, 2]);
    assert.deepEqual([await figure('a', { holds }), await figure('a', { holds })], [3, 3]);
    assert.deepEqual([await figure('b', { validMs: 0 }), await figure('b')], [4, 4]);
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name), 'no JSON');
    assert.equal(await figure('a'), 5);
    const nothing = () => keptFigure(folder, 'none', { validMs: 60_000 }, async () => null);
    assert.deepEqual([await nothing(), await nothing()], [null, null]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keptFigure } from '../../src/bound/kept-figure.js';

test('a figure is measured once for a key, and again where it cannot be right or is damaged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-kept-'));
  try {
    let measured = 0;
    const figure = (key: string, holds?: (ns: number) => boolean) =>
      keptFigure(folder, key, async () => ++measured, holds);
    assert.deepEqual([await figure('a'), await figure('a'), await figure('b')], [1, 1, 2]);
    assert.deepEqual([await figure('a', (n) => n > 1), await figure('a', (n) => n > 1)], [3, 3]);
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name), 'no JSON');
    assert.equal(await figure('a'), 4);
    const nothing = () => keptFigure(folder, 'none', async () => null);
    assert.deepEqual([await nothing(), await nothing()], [null, null]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { routesCurve } from '../../../src/curve/curve.js';
import { readRoutes } from '../../../src/curve/routes-file.js';
import { expertTouches } from '../../../src/curve/touch-columns.js';
import type { Region } from '../../../src/model/regions.js';
import { renderCurve } from '../../../src/report/curve.js';

const folder = mkdtempSync(join(tmpdir(), 'routes-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('routes are read in any order of the columns, a token that repeats an expert once', async () => {
  const plain = await readRoutes(file('a.csv', '0,0,5\n0,0,5\n0,1,2\n\n7,0,5\r\n7,1,3'), 10);
  assert.deepEqual([...plain.items], [0, 1, 0, 2]);
  assert.deepEqual([...plain.layers], [0, 1, 1]);
  assert.deepEqual([...plain.bytes], [10n, 10n, 10n]);
  assert.deepEqual(plain.tokenStarts, [0, 2]);
  const named = '# engine x\n"Expert";layer;weight;token\n5;0;0.1;0\n2;1;0.2;0\n5;0;0.3;1\n3;1;0.4;1\n';
  const other = await readRoutes(file('b.csv', named), 10);
  assert.deepEqual(other, plain);
});

test('what is no route is refused in a line that names it', async () => {
  const refused = (text: string, message: RegExp) =>
    assert.rejects(readRoutes(file('bad.csv', text), 1), { code: 'BAD_ROUTES', message });
  await refused('', /no route in it/);
  await refused('0,0,1\n0,x,1\n', /bad\.csv: line 2 is no route: three whole numbers/);
  await refused('0,0\n', /line 1 is no route/);
  await refused('token,layer\n', /line 1 names no column 'expert'/);
  await refused(`${'9'.repeat(3_000_000)}`, /line 1 is too long/);
  await assert.rejects(readRoutes(join(folder, 'none.csv'), 1), { code: 'ENOENT' });
});

test('a curve of routes: what a cache of each size reads', async () => {
  // Two layers, an expert of three in turn in the first, always the same in the second.
  const routes = Array.from({ length: 60 }, (_, token) => `${token},0,${token % 3}\n${token},1,7\n`).join('');
  const touches = await readRoutes(file('turn.csv', routes), 1);
  const curve = await routesCurve('turn.csv', touches, [1, 2, 3, 4], 'experts');
  const reads = (policy: 'lru' | 'leastOften' | 'pins' | 'optimum') =>
    curve.points.map(({ experts }) => experts?.[policy]);
  assert.deepEqual(reads('lru'), [2, 1, 1, 0]);
  assert.deepEqual(reads('pins'), [1, 20 / 30, 10 / 30, 0]);
  // What comes next is known, and what is read need not be kept: a cycle is best met by a fixed choice.
  assert.deepEqual(reads('optimum'), reads('pins'));
  assert.deepEqual(reads('leastOften').slice(1), [1, 1, 0]);
  assert.deepEqual(curve.workingSets.slice(0, 3), [
    { tokens: 1, size: 2 },
    { tokens: 2, size: 3 },
    { tokens: 4, size: 4 },
  ]);
  assert.equal(curve.touchedPerToken, 2);
  assert.equal(curve.reuse.at(-1)?.share, 1);
  assert.match(curve.verdict, /^With 3 experts for the model a cache that evicts .* reads 1 expert /);
  // A cache of routes holds experts alone: its size is told once.
  assert.match(renderCurve(curve), /how many experts the cache holds\n +cache +LRU/);
  assert.match(renderCurve(curve), /\n +3 experts +1 expert /);
  await assert.rejects(
    routesCurve('x', await readRoutes(file('one.csv', '0,0,1'), 1), undefined, 'experts'),
    {
      code: 'BAD_ROUTES',
    },
  );
});

test('experts of a pattern: slices are one item, each token uses it once', () => {
  const slice = (tensor: string, layer: number, expert: number, offset: number, bytes: number): Region => ({
    ...{ part: 0, offset, bytes, tensor, stack: '', layer, role: 'experts', expert },
  });
  const regions = [
    slice('up', 0, 0, 0, 10),
    slice('up', 0, 1, 10, 10),
    slice('down', 0, 0, 20, 5),
    slice('down', 0, 1, 25, 5),
  ];
  const touches = expertTouches({
    regions,
    prompt: [1],
    tokens: [
      [0, 2],
      [1, 3, 0, 2],
    ],
    lookedUp: [],
  });
  assert.deepEqual([...(touches?.items ?? [])], [0, 1, 0, 1]);
  assert.deepEqual([...(touches?.bytes ?? [])], [15n, 15n]);
  assert.deepEqual(touches?.tokenStarts, [1, 2]);
  assert.equal(expertTouches({ regions: [], prompt: [], tokens: [], lookedUp: [] }), null);
});

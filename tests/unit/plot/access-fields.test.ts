import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessGrid } from '../../../src/native/access.js';
import {
  cellAt,
  type Fields,
  fieldsOf,
  type MapView,
  pixelsFilled,
} from '../../../src/plot/access-fields.js';

type Counts = 'first' | 'second' | 'later' | 'reads';
const kinds: readonly Counts[] = ['first', 'second', 'later', 'reads'];

/** The same numbers at every run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomGrid(random: () => number): AccessGrid {
  const [times, places] = [1 + Math.floor(random() * 40), 1 + Math.floor(random() * 30)];
  const cell = Array.from({ length: times * places }, (_, i) => i).filter(() => random() < 0.4);
  const values = () => Uint32Array.from(cell, () => 1 + Math.floor(random() * 9));
  return {
    ...{ times, places, sectors: places * 8, cell: Uint32Array.from(cell) },
    ...{ first: values(), second: values(), later: values(), reads: values() },
  };
}

/** Pixel by pixel, cell by cell, as the words of `Fields` say it. */
function byPixel(
  grid: AccessGrid,
  whole: number,
  view: MapView,
  width: number,
  height: number,
  kind: Counts,
) {
  const sums = new Float64Array(width * height);
  const pixelOf = (share: number, from: number, to: number, pixels: number) =>
    Math.floor(((share - from) / (to - from)) * pixels + 1e-6);
  grid.cell.forEach((number, i) => {
    const [time, place] = [Math.floor(number / grid.places), number % grid.places];
    const xOf = (t: number) => pixelOf((t * whole) / grid.times, view.from, view.to, width);
    const yOf = (p: number) => pixelOf(p / grid.places, view.low, view.high, height);
    for (let x = xOf(time); x < Math.max(xOf(time + 1), xOf(time) + 1); x++)
      for (let y = yOf(place); y < Math.max(yOf(place + 1), yOf(place) + 1); y++)
        if (x >= 0 && x < width && y >= 0 && y < height)
          sums[y * width + x] = (sums[y * width + x] as number) + (grid[kind][i] as number);
  });
  return sums;
}

/** What fields say of each pixel. */
function spread(fields: Fields, kind: Counts): Float64Array {
  const { across, up, touched, count } = fields;
  const sums = new Float64Array(across.pixels * up.pixels);
  for (const field of touched.subarray(0, count)) {
    const row = Math.floor(field / across.count);
    const column = field - row * across.count;
    for (let y = up.edges[row] as number; y < (up.edges[row + 1] as number); y++)
      sums.fill(
        fields[kind][field] as number,
        y * across.pixels + (across.edges[column] as number),
        y * across.pixels + (across.edges[column + 1] as number),
      );
  }
  return sums;
}

test('fields equal a count pixel by pixel, of random grids in random views, in memory that other views left', () => {
  const random = randomNumbers(27);
  let before: Fields | undefined;
  for (let round = 0; round < 400; round++) {
    const grid = randomGrid(random);
    const whole = 0.5 + random() * 9;
    const [a, b, low, high] = Array.from({ length: 4 }, random) as [number, number, number, number];
    const view: MapView =
      round % 4 === 0
        ? { from: 0, to: whole, low: 0, high: 1 }
        : {
            ...{ from: Math.min(a, b) * whole, to: (Math.max(a, b) + 0.001) * whole },
            ...{ low: Math.min(low, high), high: Math.max(low, high) + 0.001 },
          };
    const [width, height] = [1 + Math.floor(random() * 60), 1 + Math.floor(random() * 50)];
    const fields = fieldsOf(grid, whole, view, width, height, before);
    for (const kind of kinds)
      assert.deepEqual(
        spread(fields, kind),
        byPixel(grid, whole, view, width, height, kind),
        `round ${round}, ${kind}`,
      );
    const filled = byPixel(grid, whole, view, width, height, 'reads').filter((reads) => reads > 0).length;
    assert.equal(pixelsFilled(fields), filled);
    before = fields;
  }
});

test('the cell at a time and a place, and none where nothing was read', () => {
  const random = randomNumbers(3);
  for (let round = 0; round < 100; round++) {
    const grid = randomGrid(random);
    const { times, places, cell } = grid;
    for (let number = 0; number < times * places; number++) {
      const time = (Math.floor(number / places) + 0.5) / times;
      const found = cellAt(grid, 7, time * 7, ((number % places) + 0.5) / places);
      assert.equal(found, cell.includes(number) ? cell.indexOf(number) : null);
    }
  }
});

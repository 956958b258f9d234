import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offsetAt, regionAt } from '../../../src/plot/access.js';
import { fieldsOf } from '../../../src/plot/access-fields.js';
import { cliffFigure } from '../../../src/plot/cliff.js';
import { cumulativeOf } from '../../../src/plot/cumulative.js';
import { makers } from '../../../src/plot/figures-of.js';
import { foreseenFigure } from '../../../src/plot/foreseen.js';
import { bytes, byteTicks, seconds } from '../../../src/plot/numbers.js';
import type { RunData } from '../../../src/plot/run-data.js';
import { el, escaped, text } from '../../../src/plot/svg.js';
import { hueColour } from '../../../src/plot/theme.js';
import { tokenParts, tokenTimes } from '../../../src/plot/token-time.js';

const evil = '</text><script>alert(1)</script>\x1b[31m"\'&';

/** A model of 32 sectors in two pieces of which the second lies first on the disk; eight times, four places. */
function runFixture(): RunData {
  const grid = {
    ...{ times: 8, places: 4, sectors: 32 },
    cell: Uint32Array.of(0, 1, 9, 31),
    first: Uint32Array.of(8, 4, 0, 2),
    second: Uint32Array.of(0, 0, 8, 0),
    later: Uint32Array.of(0, 0, 0, 6),
    reads: Uint32Array.of(1, 1, 2, 1),
  };
  const place = { layer: 0, role: 'attention', expert: null, readBytes: 1, uniqueBytes: 1, reads: 1 };
  return {
    ...{ name: evil, seconds: 8, modelBytes: 32 * 512 },
    phases: [{ name: evil, from: 0, to: 4 }],
    tokens: [1, 3, 6],
    regions: [
      { ...place, name: evil, offset: 0, bytes: 8192 },
      { ...place, name: 'second', role: evil, layer: 1, offset: 8192, bytes: 8192 },
    ],
    extents: [
      { offset: 0, sector: 900, bytes: 8192 },
      { offset: 8192, sector: 100, bytes: 8192 },
    ],
    access: { byFile: grid, byDisk: grid },
    timesRead: { times: [0, 1, 40], bytes: [4096, 8192, 4096] },
    timeline: {
      bucket: 1,
      read: [6144, 0, 4096, 0, 0, 0, 0, 4096],
      write: [0, 1, 0, 0, 0, 0, 0, 0],
      depth: null,
    },
    samples: { modelCachedBytes: { time: [0, 4], value: [0, 8192] } },
    residency: {
      parts: [
        { name: evil, offset: 0, bytes: 8192 },
        { name: 'second', offset: 8192, bytes: 8192 },
      ],
      moments: [
        { name: 'before', time: 0, cached: [0, 0] },
        { name: 'during', time: 4, cached: [4096, 8192] },
        { name: 'after', time: 8, cached: [8192, 0] },
      ],
    },
    firstToken: 1,
    tokenLayers: { rows: [evil, 'layer 1'], columns: 2, values: [0, 512, 1024, 0] },
    experts: { rows: [evil], columns: 2, values: [1, 3] },
    tokenBytes: [1000, 4000],
    curve: {
      points: [1000, 2000, 4000].map((memory) => ({
        ...{
          memory,
          kernel: 4000 - memory,
          kernelLeast: (4000 - memory) * 0.8,
          kernelMost: (4000 - memory) * 1.1,
          lru: 4100 - memory,
          pins: 4050 - memory,
          optimum: (4000 - memory) / 2,
        },
      })),
      ownMemory: 3000,
      verdict: 'The working set is at fault.',
    },
    latency: {
      cdf: { ns: [1e5, 1e6, 1e7], share: [0.1, 0.9, 1] },
      overTime: { time: [1, 2], p50: [1e5, null], p99: [1e6, null] },
    },
    sizes: [{ phase: 'all', counts: { '4096': 3, '131072': 1 } }],
    gaps: [
      {
        order: 'as the disk got them',
        counts: { sequential: 3, small: 0, medium: 0, large: 0, backward: 1 },
      },
    ],
    bound: {
      compute: 0.5,
      touched: 4000,
      kept: 3000,
      bandwidth: 1000,
      tokensPerSecond: 1,
      again: 0,
      unused: 500,
      busy: null,
      waiting: 0,
    },
    tokensPerSecond: 0.4,
    bytesPerToken: 2500,
    memoryBytes: null,
  };
}

test('every figure is drawn at any width, says what it shows as a table, and shows names without running them', () => {
  const run = runFixture();
  for (const [kind, make] of Object.entries(makers)) {
    const figure = make([run]);
    assert.ok(figure, kind);
    for (const width of [280, 321, 1280]) {
      const svg = figure.draw({ width, height: figure.heightFor(width) });
      assert.match(svg, /^<svg .*<\/svg>$/s, kind);
      assert.doesNotMatch(svg, /<script|\p{Cc}|NaN|undefined|Infinity/u, `${kind} at ${width}`);
    }
    const { columns, rows } = figure.table();
    assert.ok(rows.length > 0, kind);
    for (const row of rows) assert.equal(row.length, columns.length, kind);
  }
});

/** About what a text takes: its letters are 11 pixels high, or as its style says. */
function endsOf(svg: string): { words: string; from: number; to: number }[] {
  return [...svg.matchAll(/<text x="([\d.-]+)"([^>]*)>([^<]*)<\/text>/g)].map(
    ([, x = '', attributes = '', raw = '']) => {
      const words = raw.replace(/&#\d+;/g, '?');
      const size = Number(/font-size:(\d+)px/.exec(attributes)?.[1] ?? 11);
      const width = words.length * size * (attributes.includes('strong') ? 0.58 : 0.52);
      const before = { middle: 0.5, end: 1 }[/text-anchor="(middle|end)"/.exec(attributes)?.[1] ?? ''] ?? 0;
      return { words, from: Number(x) - before * width, to: Number(x) + (1 - before) * width };
    },
  );
}

test('no text is cut off, in a column of a paper and on a page of any width', () => {
  const run = runFixture();
  const plain = {
    ...run,
    name: 'run',
    phases: [{ name: 'generation', from: 0, to: 4 }],
    tokenLayers: { rows: ['layer 0', 'outside'], columns: 2, values: [0, 512, 1024, 0] },
    experts: { rows: ['layer 0'], columns: 2, values: [1, 3] },
    sizes: ['load', 'prompt', 'generation'].map((phase) => ({ phase, counts: { '4096': 3, '4194304': 1 } })),
    samples: Object.fromEntries(
      [
        ...['majorFaults', 'refaultedPages', 'memoryStallSomeUs', 'ioStallSomeUs', 'cpuStallSomeUs'],
        ...['workloadUserUs', 'workloadSystemUs', 'modelCachedBytes'],
      ].map((metric) => [metric, { time: [0, 1, 2], value: [0, 1e5, 3e5] }]),
    ),
  };
  for (const [kind, make] of Object.entries(makers)) {
    const figure = make([plain]);
    for (const width of [321, 658, 1280])
      for (const { words, from, to } of endsOf(
        figure?.draw({ width, height: figure.heightFor(width) }) ?? '',
      ))
        assert.ok(from >= 0 && to <= width, `${kind} at ${width}: '${words}' from ${from} to ${to}`);
  }
});

test('several runs stand on the same axes', () => {
  for (const kind of ['cumulative', 'latency', 'sizes', 'gaps', 'times-read'])
    assert.ok(
      makers[kind]?.([runFixture(), { ...runFixture(), name: 'other' }])
        ?.draw({ width: 400, height: 300 })
        .includes('other'),
      kind,
    );
});

test('a run without a trace has no figure that it has no data for', () => {
  const nothing = {
    ...runFixture(),
    access: null,
    timesRead: null,
    tokenBytes: null,
    curve: null,
    tokenLayers: null,
    experts: null,
    latency: null,
    residency: null,
    extents: [],
  };
  for (const kind of [
    'access',
    'cumulative',
    'token-time',
    'heat',
    'experts',
    'latency',
    'residency',
    'fragments',
    'times-read',
  ])
    assert.equal(makers[kind]?.([nothing]), null, kind);
});

test('cells become pixels: summed where they are smaller, spread where they are larger', () => {
  const { access } = runFixture();
  assert.ok(access);
  const whole = fieldsOf(access.byFile, 8, { from: 0, to: 8, low: 0, high: 1 }, 4, 2);
  assert.deepEqual([...whole.first], [12, 0, 0, 0, 0, 0, 0, 2]);
  assert.deepEqual([...whole.second], [0, 8, 0, 0, 0, 0, 0, 0]);
  const zoomed = fieldsOf(access.byFile, 8, { from: 0, to: 1, low: 0, high: 0.25 }, 2, 2);
  assert.deepEqual([zoomed.first[0], zoomed.across.count, zoomed.up.count], [8, 1, 1]);
  assert.deepEqual([...zoomed.across.edges].slice(0, 2), [0, 2]);
});

test('a place says which tensor lies there, in the file and on the disk', () => {
  const run = runFixture();
  assert.equal(offsetAt(run, 'file', 0.25), 4096);
  assert.equal(offsetAt(run, 'disk', 0.25), 8192 + 4096);
  assert.equal(offsetAt(run, 'disk', 0.75), 4096);
  assert.equal(regionAt(run.regions, 8192)?.name, 'second');
  assert.equal(regionAt(run.regions, 16384), null);
});

test('what was read so far, and what of it for the first time', () => {
  const { read, unique } = cumulativeOf(runFixture());
  assert.deepEqual(
    read,
    [12, 12, 20, 20, 20, 20, 20, 28].map((sectors) => sectors * 512),
  );
  assert.deepEqual(
    unique,
    [12, 12, 12, 12, 12, 12, 12, 14].map((sectors) => sectors * 512),
  );
});

test("neighbours in the bar of a token's time are told apart in greyscale", () => {
  const lightness = tokenParts.map(({ hue }) => {
    const [, digits = ''] = /#([0-9a-f]{6})/.exec(hueColour(hue)) ?? [];
    const [red = 0, green = 0, blue = 0] = (digits.match(/../g) ?? []).map((two) => Number.parseInt(two, 16));
    return 0.299 * red + 0.587 * green + 0.114 * blue;
  });
  for (const [i, value] of lightness.slice(1).entries()) {
    const apart = Math.abs(value - (lightness[i] as number));
    assert.ok(apart >= 25, `${tokenParts[i]?.name} and ${tokenParts[i + 1]?.name}: ${apart}`);
  }
});

test("the parts of a token's time add up to it", () => {
  const [first, second] = tokenTimes(runFixture());
  const sum = (one: typeof first) => tokenParts.reduce((total, { key }) => total + (one?.[key] ?? 0), 0);
  assert.equal(sum(first), 2);
  assert.equal(sum(second), 3);
  assert.deepEqual(
    [first?.compute, first?.must, first?.unused, first?.again, first?.waiting],
    [0.5, 0.5, 0, 0, 1],
  );
  assert.deepEqual(
    [second?.compute, second?.must, second?.unused, second?.again, second?.waiting],
    [0.5, 0.5, 0.5, 1.5, 0],
  );
});

test('the time that others had the CPU is a part of its own, by the samples of each token', () => {
  const run = runFixture();
  const busy = { compute: 0, touched: 0, kept: 0, again: 0, unused: 0, waiting: 0, busy: 1 };
  // Tokens from 1 to 3 and from 3 to 6 s: a quarter of the waiting for a CPU falls into the first.
  const samples = { workloadRunDelayUs: { time: [0, 1, 3, 6], value: [0, 500, 1500, 4500] } };
  const idle = { ...run, tokenBytes: [0, 0], bound: { ...run.bound, ...busy } as RunData['bound'] };
  assert.deepEqual(
    tokenTimes({ ...idle, samples }).map((one) => [one.busy, one.waiting]),
    [
      [0.5, 1.5],
      [1.5, 1.5],
    ],
  );
  // Without samples each token has the mean of all.
  assert.deepEqual(
    tokenTimes({ ...idle, samples: {} }).map((one) => [one.busy, one.waiting]),
    [
      [1, 1],
      [1, 2],
    ],
  );
});

test('strips of residency are as wide as the tensors, and tell what was cached', () => {
  const figure = makers.residency?.([runFixture()]);
  const svg = figure?.draw({ width: 500, height: figure.heightFor(500) }) ?? '';
  assert.match(svg, /second, at 4 s: 8 KiB of 8 KiB in memory \(100 %\)/);
  assert.match(svg, /second, before the workload: 0 B of 8 KiB/);
  assert.deepEqual(
    figure?.table().rows.map((row) => row.at(-1)),
    [0, 0, 4096, 8192, 8192, 0],
  );
});

test('foreseen against measured: on the diagonal both are the same', () => {
  const range = { low: 900, likely: 1000, high: 1200 };
  const point = { name: evil, from: 'base' };
  const figure = foreseenFigure([
    {
      ...point,
      bytesPerToken: { foreseen: range, measured: [1000, 1000] },
      tokensPerSecond: { foreseen: range, measured: [500] },
    },
  ]);
  const svg = figure?.draw({ width: 700, height: 350 }) ?? '';
  assert.doesNotMatch(svg, /<script|\p{Cc}|NaN|undefined/u);
  const [onIt] = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
    (Number(x) - 66) / (350 - 18 - 66),
    (350 - 38 - Number(y)) / (350 - 38 - 30),
  ]);
  assert.ok(Math.abs((onIt?.[0] ?? 0) - (onIt?.[1] ?? 1)) < 1e-3, String(onIt));
  assert.equal(foreseenFigure([]), null);
  assert.equal(figure?.table().rows.length, 3);
});

test('a cliff needs two points', () => {
  const point = {
    name: 'a',
    series: '',
    model: 'm',
    memory: 0.5,
    tokensPerSecond: [1, 2],
    bytesPerToken: [5, 6],
    bound: 3,
  };
  assert.equal(cliffFigure([point]), null);
  assert.ok(
    cliffFigure([point, { ...point, memory: 0.8 }])
      ?.draw({ width: 320, height: 400 })
      .includes('<circle'),
  );
});

test('numbers and text', () => {
  assert.deepEqual([0, 500, 1e3, 123456, 1024 ** 3].map(bytes), [
    '0 B',
    '500 B',
    '0.977 KiB',
    '121 KiB',
    '1 GiB',
  ]);
  assert.deepEqual([0, 1.5e-6, 0.02, 3].map(seconds), ['0 s', '1.5 us', '20 ms', '3 s']);
  assert.deepEqual(byteTicks(3 * 1024 ** 2, 3), [0, 1024 ** 2, 2 * 1024 ** 2, 3 * 1024 ** 2]);
  assert.deepEqual(byteTicks(1024 ** 3, 4).map(bytes), ['0 B', '256 MiB', '512 MiB', '768 MiB', '1 GiB']);
  assert.equal(escaped('a\u202eb\u2028c\u200bd\x9be\n'), 'a\ufffdb\ufffdc\ufffdd\ufffde\ufffd');
  assert.equal(escaped('<a b="c">&\x00'), '&#60;a b=&#34;c&#34;&#62;&#38;\ufffd');
  assert.equal(text(1, 2, '<x>'), '<text x="1" y="2">&#60;x&#62;</text>');
  assert.equal(el('rect', { x: 1.005, y: undefined }), '<rect x="1"/>');
});

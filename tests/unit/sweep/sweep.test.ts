import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSweep } from '../../../src/sweep/sweep-file.js';
import { planRepeats, planSweep, variedIn } from '../../../src/sweep/sweep-plan.js';

const problem = (text: string) => {
  try {
    parseSweep(text, 'my.yaml');
  } catch (error) {
    return (error as Error).message;
  }
  return 'no problem';
};

test('a mistake is named with its line and key', () => {
  assert.match(
    problem('model: a.gguf\npressure:\n  - none\n  - limit: 3X\n'),
    /^my\.yaml:4: pressure\.1\.limit: '3X' is not a size/,
  );
  assert.match(problem('model: a.gguf\n\ntoken: 5\n'), /^my\.yaml:3: token: no such key/);
  assert.match(problem('model: a.gguf\ntokens: [5, -1]\n'), /^my\.yaml:2: tokens\.1: /);
  assert.match(problem('model: a.gguf\ntokens: 0\n'), /^my\.yaml:2: tokens: must be more than 0/);
  assert.match(problem('model: a.gguf\nseed: -1\n'), /^my\.yaml:2: seed: must be at least 0/);
  assert.match(problem('model: a.gguf\nthreads: []\n'), /^my\.yaml:2: threads: is empty/);
  assert.match(problem('model: a.gguf\nrepeat: two\n'), /^my\.yaml:2: repeat: /);
  assert.match(problem('model: a.gguf\nthreads: [1\n'), /^my\.yaml:\d: /);
  assert.match(problem('tokens: 5\n'), /^my\.yaml:1: model: /);
  assert.match(
    problem('model: a.gguf\npressure: {squeeze: 3G}\n'),
    /^my\.yaml:2: pressure: is not a pressure/,
  );
  assert.match(problem(''), /^my\.yaml:1: the file is empty/);
  assert.match(problem('tokens: 5\n'), /^my\.yaml:1: model: is missing/);
  assert.match(problem('model:\n  path: y.gguf\n'), /^my\.yaml:\d: model\.synthesize: is missing/);
  assert.match(
    problem('model: a.gguf\n---\nmodel: b.gguf\n'),
    /^my\.yaml:\d: a second document begins; write one/,
  );
});

test('every combination, repeats outermost, each with a folder of its own', () => {
  const text = JSON.stringify({
    model: ['a.gguf', 'b.gguf'],
    pressure: ['none', { limit: '3G' }],
    tokens: 10,
    threads: [1, 2],
    readahead: 128,
    repeat: 3,
    timeLimit: 60,
  });
  const plans = planSweep({ ...parseSweep(text, 'x.json'), output: '/out' });
  assert.equal(plans.length, 2 * 2 * 2 * 3);
  assert.equal(new Set(plans.map(({ options }) => options.output)).size, plans.length);
  assert.deepEqual(
    plans.slice(0, 8).map(({ repeat }) => repeat),
    Array(8).fill(1),
  );
  const last = plans.at(-1);
  assert.equal(last?.group, 'b.limit-3.00GiB.t2');
  assert.equal(last?.options.output, '/out/b.limit-3.00GiB.t2-r3');
  assert.deepEqual(last?.options.pressure, { mode: 'limit', bytes: 3 * 2 ** 30 });
  assert.equal(last?.options.readAheadKib, 128);
  assert.deepEqual(last?.options.workload, { timeLimitMs: 60_000, tokens: 10, threads: 2 });
});

test("options of llama.cpp's are gone through as one writes them", () => {
  const text = "model: a.gguf\narguments: ['', --no-mmap, '--load-mode  dio']\n";
  const sweep = { ...parseSweep(text, 'x.yaml'), output: '/out' };
  assert.deepEqual(
    planSweep(sweep).map(({ group, options }) => [group, options.workload?.extraArgs]),
    [
      ['as-is', []],
      ['no-mmap', ['--no-mmap']],
      ['load-mode-dio', ['--load-mode', 'dio']],
    ],
  );
  assert.deepEqual(variedIn(sweep), ['other options']);
});

test('copied weights are gone through beside mapped ones, and every run watches touches', () => {
  const sweep = {
    ...parseSweep('model: a.gguf\nrepack: [false, true]\ntouches: true\n', 'x.yaml'),
    output: '/out',
  };
  assert.deepEqual(
    planSweep(sweep).map(({ group, options }) => [group, options.workload?.repack, options.touches]),
    [
      ['no-repack', false, true],
      ['repack', true, true],
    ],
  );
  assert.deepEqual(variedIn(sweep), ['repack']);
});

test('a model that a sweep makes has the weights, layers and seed that it asks for', () => {
  const model = { path: 'f16.gguf', synthesize: 'llama-2-7b', weights: 'F16', layers: 2, seed: 7 };
  assert.deepEqual(parseSweep(JSON.stringify({ model }), 'x.json').model, [model]);
  assert.match(
    problem('model: {path: a.gguf, synthesize: demo, weights: F17}\n'),
    /^my\.yaml:1: model\.weights: /,
  );
});

test('combinations that would share a folder are refused', () => {
  const sweep = { ...parseSweep('model: [x/a.gguf, y/a.gguf]\n', 'x.yaml'), output: '/out' };
  assert.throws(() => planSweep(sweep), /both be called a:/);
});

test('what would take the memory or the stack is refused at once, in a line', () => {
  const began = performance.now();
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i++) {
    const [name, before] = [String.fromCharCode(97 + i), String.fromCharCode(96 + i)];
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`);
  }
  assert.match(problem(`${bomb.join('\n')}\nmodel: *l\n`), /^my\.yaml:1: its aliases stand for too much/);
  assert.match(problem('model: *nobody\n'), /^my\.yaml:1: /);
  assert.match(problem(`model: ${'['.repeat(50_000)}`), /^my\.yaml:1: it is nested too deeply/);
  assert.match(problem(`model: ${'{a: '.repeat(3000)}1${'}'.repeat(3000)}`), /^my\.yaml:\d+: /);
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
  const plan = (changes: object) =>
    planSweep({ ...parseSweep(JSON.stringify({ model: 'a.gguf', ...changes }), 'x.json'), output: '/out' });
  assert.throws(() => plan({ repeat: 100_001 }), { code: 'TOO_MANY_RUNS', message: /100,001 runs/ });
  assert.throws(() => plan({ repeat: 2 ** 53 - 1 }), { code: 'TOO_MANY_RUNS' });
  assert.throws(
    () => plan({ tokens: numbers(1000), threads: numbers(1000), context: numbers(1000), repeat: 1e6 }),
    { code: 'TOO_MANY_RUNS' },
  );
  assert.equal(plan({ tokens: numbers(100), threads: numbers(100), repeat: 10 }).length, 100_000);
  assert.throws(() => planRepeats({ model: 'a.gguf', output: '/out' }, 1e9), { code: 'TOO_MANY_RUNS' });
  assert.ok(performance.now() - began < 5000);
});

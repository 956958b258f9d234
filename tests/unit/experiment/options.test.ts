// Options are resolved in one place: what a run is made by, and what config.json keeps so that it can be made again.
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { type ExperimentOptions, recorded, resolvedOptions } from '../../../src/experiment/options.js';
import { streamReadAheadKib } from '../../../src/pin/stream-plan.js';

const engine = { name: 'llama-cli', path: '/usr/bin/llama-cli' } as const;

test('every option that was left out has a value, and resolving again changes nothing', () => {
  const options = resolvedOptions({ model: 'm.gguf' });
  const { prompt, ...workload } = options.workload;
  assert.deepEqual(workload, {
    ...{ tokens: 100, seed: 1, extraArgs: [] },
    ...{ mmap: true, mlock: false, repack: false },
  });
  assert.match(prompt, /^A model that is larger/);
  assert.deepEqual([options.pressure, options.cache, options.dropCaches], [{ mode: 'none' }, 'cold', false]);
  assert.equal(options.model, resolve('m.gguf'));
  assert.deepEqual(resolvedOptions(options), options);
});

test('what was asked for stays', () => {
  const asked = {
    model: '/m.gguf',
    workload: { prompt: 'x', tokens: 0, seed: 0, mmap: false, mlock: true, repack: true, extraArgs: ['-fa'] },
    pressure: { mode: 'limit', bytes: 5 },
    cache: 'warm',
    dropCaches: true,
    readAheadKib: 0,
    output: 'o',
  } satisfies ExperimentOptions;
  const { progress: _, ...options } = resolvedOptions(asked);
  assert.deepEqual(options, asked);
});

test('beside a stream the readahead is that of streams, where none was asked for', () => {
  const pin = { bytes: 'auto', stream: true } as const;
  assert.equal(resolvedOptions({ model: 'm', pin }).readAheadKib, streamReadAheadKib);
  assert.equal(resolvedOptions({ model: 'm', pin, readAheadKib: 512 }).readAheadKib, 512);
  assert.equal(resolvedOptions({ model: 'm', pin: { bytes: 1 } }).readAheadKib, undefined);
});

test('a run is made again from what was recorded, whatever told the length of its prompt', () => {
  const asked: ExperimentOptions[] = [
    { model: 'm', output: 'o' },
    { model: 'm', output: 'o', workload: { promptTokens: 12 } },
    { model: 'm', output: 'o', workload: { promptTokens: 12, prompt: 'Hello' } },
    { model: 'm', output: 'o', workload: { prompt: 'Hello', tokens: 3 }, pin: { bytes: 7, plan: 'p' } },
  ];
  for (const each of asked) {
    const first = resolvedOptions(each);
    const kept = JSON.parse(JSON.stringify(recorded(first, engine)));
    assert.equal(kept.llama, '/usr/bin/llama-cli');
    const { llama: _, ...again } = resolvedOptions({ ...kept, progress: first.progress });
    assert.deepEqual(again, first);
  }
  const byLength = recorded(resolvedOptions(asked[1] as ExperimentOptions), engine);
  assert.equal((byLength.workload as { prompt?: string }).prompt, undefined); // so many tokens, not this text
});

// What a caller hands in is refused before anything is done: unknown keys, other types, values out of range.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { experiment } from '../../../src/api/schemas.js';
import {
  advise,
  BlkscopeError,
  copyContiguously,
  curve,
  exportRun,
  holdMemory,
  importTrace,
  openRuns,
  pin,
  pinPlan,
  record,
  runExperiment,
  runPlanned,
  runSweep,
  synthesizeModel,
  verify,
} from '../../../src/index.js';
import { checked } from '../../../src/options/checked.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-options-'));
after(() => rmSync(folder, { recursive: true }));
const output = join(folder, 'never');
const any = (value: unknown) => value as never;

/** Of each call what is wrong, and the call. */
const wrong: [where: string, call: () => Promise<unknown>][] = [
  ['model: is missing', () => runExperiment(any({ output }))],
  ['model: ', () => runExperiment(any({ model: 5, output }))],
  ['modle: no such key', () => runExperiment(any({ model: 'm', modle: 'm', output }))],
  ['workload.tokens: ', () => runExperiment({ model: 'm', output, workload: { tokens: -3 } })],
  ['workload.tokens: ', () => runExperiment({ model: 'm', output, workload: { tokens: Number.NaN } })],
  ['workload.tokens: ', () => runExperiment({ model: 'm', output, workload: { tokens: 1.5 } })],
  ['workload.threads: ', () => runExperiment({ model: 'm', output, workload: { threads: 0 } })],
  ['workload.toknes: no such key', () => runExperiment({ model: 'm', output, workload: any({ toknes: 3 }) })],
  ['workload.env.a b: ', () => runExperiment({ model: 'm', output, workload: { env: { 'a b': 'c' } } })],
  ['pressure', () => runExperiment({ model: 'm', output, pressure: any({ mode: 'squeeze', bytes: 1 }) })],
  [
    'pressure.bytes: is missing',
    () => runExperiment({ model: 'm', output, pressure: any({ mode: 'limit' }) }),
  ],
  [
    'pressure.bytes: ',
    () => runExperiment({ model: 'm', output, pressure: { mode: 'limit', bytes: '2 cows' } }),
  ],
  ['pressure.bytes: ', () => runExperiment({ model: 'm', output, pressure: { mode: 'lock', bytes: -1 } })],
  ['pin.bytes: ', () => runExperiment({ model: 'm', output, pin: { bytes: any('all') } })],
  ['cache: ', () => runExperiment({ model: 'm', output, cache: any('hot') })],
  ['signal: ', () => runExperiment({ model: 'm', output, signal: any(5) })],
  ['progress: ', () => runExperiment({ model: 'm', output, progress: any({ step: 1 }) })],
  ['spoolBytes: ', () => runExperiment({ model: 'm', output, spoolBytes: '0' })],
  ['runExperiment', () => runExperiment(any(undefined))],
  ['command: ', () => record({ command: [], output })],
  ['command: ', () => record({ command: any('cat file'), output })],
  ['durationMs: ', () => record({ devices: ['vda'], durationMs: -1, output })],
  ['attach: ', () => record({ attach: 0, output })],
  ['file: no such key', () => record(any({ file: 'x', output }))],
  ['paths: is missing', () => importTrace(any({ output }))],
  ['paths: ', () => importTrace({ paths: any('trace'), output })],
  ['store: ', () => importTrace({ paths: ['t'], store: any('no'), output })],
  ['format: ', () => exportRun(any({}), { format: any('xml'), output })],
  ['output: is missing', () => exportRun(any({}), any({ format: 'csv' }))],
  ['timeLimitMs: ', () => openRuns(['x'], { timeLimitMs: 0 })],
  ['holdMemory: ', () => holdMemory('1 cow')],
  ['holdMemory: ', () => holdMemory(0)],
  ['holdMemory: ', () => holdMemory(-5)],
  ['holdMemory: ', () => holdMemory(Number.NaN)],
  ['onProgress: ', () => holdMemory('1M', { onProgress: any('loud') })],
  ['budgetBytes: ', () => pin('m', { budgetBytes: '1X' })],
  ['budget: no such key', () => pin('m', any({ budget: 1 }))],
  ['order: ', () => pinPlan(any({}), { order: any('random') })],
  ['preset: ', () => synthesizeModel(output, { preset: any('huge') })],
  ['bytes: ', () => synthesizeModel(output, { bytes: '-1G' })],
  ['layers: ', () => synthesizeModel(output, { layers: 0 })],
  ['router', () => synthesizeModel(output, { router: any({ zipf: -1 }) })],
  ['signal: ', () => copyContiguously('a', output, { signal: any({}) })],
  ['memory.0: ', () => curve(any({}), { memory: ['x'] })],
  ['readAheadKib: ', () => curve(any({}), { readAheadKib: -1 })],
  ['touch: no such key', () => advise(any({}), any({ touch: 1 }))],
  ['best: ', () => verify(any({}), any({}), { best: 0 })],
  ['mount: ', () => runPlanned([], { mount: any(1) })],
  ['mount: ', () => runSweep(any({}), { mount: any(1) })],
];

for (const [where, call] of wrong) {
  test(`${call
    .toString()
    .replace(/^\(\) => /, '')
    .slice(0, 90)}`, async () => {
    await assert.rejects(call, (error: BlkscopeError) => {
      assert.ok(error instanceof BlkscopeError, `${error}`);
      assert.equal(error.code, 'BAD_ARGUMENT', error.message);
      assert.ok(error.message.includes(where), error.message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
    assert.ok(!existsSync(output));
  });
}

test('sizes and sectors as people write them become numbers; what is left out stays out', () => {
  const options = {
    model: 'm',
    pressure: { mode: 'limit', bytes: '1.5G' },
    pin: { bytes: 'auto' },
    spoolBytes: '512MiB',
    firstSector: 8,
    bufferBytes: undefined,
  };
  assert.deepEqual(checked(experiment, options, 'runExperiment'), {
    model: 'm',
    pressure: { mode: 'limit', bytes: 1.5 * 2 ** 30 },
    pin: { bytes: 'auto' },
    spoolBytes: 512 * 2 ** 20,
    firstSector: 8n,
    bufferBytes: undefined,
  });
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { openRun } from '../../src/store/open-run.js';
import { blkscope } from './command-line.js';
import { machineState } from './machine-state.js';
import { PseudoTerminal } from './pseudo-terminal.js';

const root = new URL('../..', import.meta.url).pathname;

let folder: string;
let model: string;

before(async () => {
  folder = mkdtempSync(join(root, 'build', 'live-'));
  model = join(folder, 'dense.gguf');
  await synthesizeModel(model, { preset: 'demo', bytes: 160e6 });
});

after(() => rmSync(folder, { recursive: true, force: true }));

const run = (output: string, tokens: string) => [
  ...['run', '--model', model, '--limit', '190M', '--readahead', '128', '--llama', 'embedded', '-n', tokens],
  ...['--mount', '--watch', '-o', join(folder, output)],
];

test('run --watch: the view follows the run and the size of the terminal; q leaves it, and the run goes on to its report', {
  timeout: 180_000,
}, async () => {
  await using terminal = new PseudoTerminal(run('watched', '400'));
  await terminal.shows(/generation, token [1-9]/);
  assert.ok(terminal.full);
  assert.match(terminal.text, /read at least once +\d+\.\d %/);
  assert.match(terminal.text, /each byte so far +\d/);
  assert.match(terminal.text, /events lost +0/);
  assert.match(terminal.text, /over the last minute\n +\d+ MiB \|.*[░▒▓█]/s);
  assert.match(terminal.text, /\.weight/, 'the hottest tensors have names');
  terminal.resize(60, 18);
  await sleep(1200);
  const lines = terminal.text.split('\n');
  assert.ok(lines.every((line) => line.length <= 60));
  assert.match(terminal.text, /q leaves this view/);
  terminal.press('q');
  assert.equal(await terminal.exited, 0, terminal.text);
  assert.ok(terminal.restored());
  assert.match(terminal.raw, /tokens\/s/);
  await using made = await openRun(join(folder, 'watched'));
  assert.equal(made.summary.integrity.complete, true);
  const { cpuNs, analysisNs } = made.summary.tracer;
  assert.ok(
    (cpuNs + analysisNs) / made.summary.wallNs < 0.02,
    `${cpuNs + analysisNs} of ${made.summary.wallNs} ns`,
  );
});

test('Ctrl-C in the view ends the run in order and gives the terminal back', {
  timeout: 180_000,
}, async () => {
  const before = machineState();
  await using terminal = new PseudoTerminal(run('interrupted', '20000'));
  await terminal.shows(/generation, token/);
  terminal.press('\x03');
  assert.equal(await terminal.exited, 130);
  assert.ok(terminal.restored());
  assert.match(terminal.raw, /interrupted by SIGINT/);
  assert.deepEqual(machineState(), before);
});

test('a workload that is killed ends the view, and the terminal is as it was', {
  timeout: 120_000,
}, async () => {
  const command = ['sh', '-c', `cat ${model} > /dev/null; sleep 3; kill -9 $$`];
  await using terminal = new PseudoTerminal([
    'record',
    '--watch',
    '--mount',
    '-o',
    join(folder, 'killed'),
    '--',
    ...command,
  ]);
  await terminal.shows(/events lost/);
  assert.equal(await terminal.exited, 5);
  assert.ok(terminal.restored());
});

test('top: who reads which file', { timeout: 90_000 }, async () => {
  const file = join(folder, 'data.bin');
  writeFileSync(file, Buffer.alloc(64 << 20, 1));
  const load = [
    '--name=reads',
    `--filename=${file}`,
    '--rw=read',
    '--bs=64k',
    '--direct=1',
    '--size=64M',
    '--thread',
  ];
  const reader = spawn('fio', [...load, '--time_based', '--runtime=60', '--rate=50M'], { stdio: 'ignore' });
  using gauge = new Gauge();
  try {
    await using terminal = new PseudoTerminal(['top', folder, '--mount'], 140);
    await terminal.shows(/fio \d+ +\d+(\.\d+)? .iB\/s.*data\.bin/, 20_000);
    assert.match(terminal.text, /fio \d+ .*\/s +[\d,]+ +\d+\.\d % +\S+ .s +\S*data\.bin/);
    await sleep(5000); // the first seconds are the compiler's
    const costs: number[] = [];
    while (costs.length < 9) {
      await sleep(1000);
      costs.push(Number(/view take (\d+\.\d) % of one CPU/.exec(terminal.text)?.[1]));
    }
    const most = middle(gauge.percents.slice(-9));
    assert.ok(middle(costs) < most, `of one CPU, in %: ${costs}; the gauge: ${gauge.percents}`);
    terminal.press('q');
    assert.equal(await terminal.exited, 0, terminal.text);
    assert.ok(terminal.restored());
  } finally {
    reader.kill('SIGKILL');
  }
});

const middle = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/**
 * What 3 % of a CPU is worth at the moment: a fixed amount of work, in small portions as those of a view, that takes so much of a
 * quiet machine, and more of one that is slow or shared. Where each batch of few events was a block of many, `top` took 7 %.
 */
class Gauge implements Disposable {
  readonly percents: number[] = [];
  readonly #process = spawn(process.execPath, [
    '-e',
    `setInterval(() => {
      const map = new Map();
      for (let i = 0; i < 9000; i++) map.set(i, { i });
    }, 50);
    let used = process.cpuUsage();
    setInterval(() => {
      const { user, system } = process.cpuUsage(used);
      used = process.cpuUsage();
      console.log((user + system) / 1e4);
    }, 1000);`,
  ]);

  constructor() {
    this.#process.stdout?.on('data', (text) => this.percents.push(Number(text)));
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL');
  }
}

test('without a terminal there is no view: one line, and nothing is run', async () => {
  const result = await blkscope(run('none', '2'));
  assert.equal(result.exitCode, 2);
  assert.match(result.stderr, /^blkscope: --watch needs a terminal: .*\n$/);
});

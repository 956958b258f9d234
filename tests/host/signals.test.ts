// Signals at random moments of every command: each ends soon, with a documented exit, and leaves the machine, its folder
// and its processes as they were.
//
//   BLKSCOPE_SIGNALS=1000 BLKSCOPE_SIGNALS_SEED=1 node --import tsx --test tests/host/signals.test.ts
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes } from '../../src/errors.js';
import { locateFiles } from '../../src/machine/traced-files.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { pick, randomFrom } from '../fuzz/mutations.js';
import { writeStoredRun } from '../unit/store/stored-run.js';
import { Records } from '../unit/trace-file/records.js';
import { cliPath } from './command-line.js';
import { machineState } from './machine-state.js';

const rounds = Number(process.env.BLKSCOPE_SIGNALS ?? 200);
const seed = Number(process.env.BLKSCOPE_SIGNALS_SEED ?? Date.now() % 2 ** 31);
/** Of a busy machine; alone it is less than one second. */
const mostMs = 5000;

const folder = mkdtempSync('/var/tmp/blkscope-signals-');
let disk: string;

before(async () => {
  await synthesizeModel(join(folder, 'tiny.gguf'), { preset: 'tiny-llama' });
  disk = locateFiles([join(folder, 'tiny.gguf')]).disk;
  const reads = Array.from({ length: 50_000 }, (_, i) => ({
    time: 1000 + i * 700,
    sector: (i % 9973) * 8,
    sectors: 8,
  }));
  await writeStoredRun(join(folder, 'run'), reads, 9973 * 8);
  writeFileSync(join(folder, 't.blktrace.0'), new Records().reads(100_000, 10n ** 9n).bytes);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const sweep = {
    model: 'tiny.gguf',
    tokens: [4, 8],
    pressure: ['none', { limit: '300M' }],
    llama: 'embedded',
    output: 'out',
  };
  writeFileSync(join(folder, 'sweep.json'), JSON.stringify(sweep));
});
after(() => rmSync(folder, { recursive: true }));

const traced = ['--source', 'ftrace', '--mount', '-o', 'out'];
const model = ['-m', 'tiny.gguf'];
const tokens = [...model, '--llama', 'embedded', '-n', '20'];

/** Those that change the machine: the tracer is one, so they take turns. */
const tracing = (): readonly string[][] => [
  ['record', '-d', disk, ...traced, '--duration', '5'],
  ['record', '-d', disk, ...traced, '--', 'sleep', '5'],
  ['run', ...tokens, '--limit', '300M', '--readahead', '64', ...traced],
  ['run', ...tokens, '--lock', '50M', '--spool-tmpfs', '64M', ...traced],
  ['run', ...tokens, '--limit', '300M', '--pin', '1M', ...traced],
  ['sweep', 'sweep.json', '--mount'],
  ['recover'],
];

const others: readonly string[][] = [
  ['lock', '20M'],
  ['lock', '20M', '--', 'sleep', '5'],
  ['pin', ...model, '--', 'sleep', '5'],
  ['import', 't', '-o', 'out'],
  ['import', 'pipe', '-o', 'out'],
  ['report', 'run', '--all'],
  ['report', 'run', '--html', 'out'],
  ['compare', 'run', 'run'],
  ['plot', 'run', '--kind', 'access', '-o', 'out.svg'],
  ['query', 'run', 'SELECT count(*) FROM range(100_000_000_000) a, range(1_000) b'],
  ...['csv', 'parquet', 'perfetto', 'blktrace', 'duckdb'].map((format) => [
    'export',
    'run',
    '--format',
    format,
    '-o',
    'out',
  ]),
  ['map', 'tiny.gguf', '--defragment', 'out'],
  ['synthesize', '--preset', 'gpt-oss-1b', '--bytes', '500M', '-o', 'out'],
  ['advise', 'run'],
  ['curve', 'run'],
  ['doctor', 'tiny.gguf'],
  ['completion', 'bash'],
];

const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
const expected: readonly (number | null)[] = Object.values(exitCodes).filter(
  (code) => code !== exitCodes.internal,
);

/** What is wrong with how a command took a signal; null: nothing. */
async function faultOf(
  args: readonly string[],
  signal: keyof typeof numbers,
  delayMs: number,
): Promise<string | null> {
  const place = mkdtempSync(join(folder, 'at-'));
  const scratch = join(place, 'scratch');
  mkdirSync(scratch);
  const near = (word: string) =>
    word.startsWith('out')
      ? join(place, word)
      : /^(run|tiny\.gguf|t|pipe|sweep\.json)$/.test(word)
        ? join(folder, word)
        : word;
  const child = spawn(process.execPath, [cliPath, args[0] as string, ...args.slice(1).map(near)], {
    cwd: place,
    env: { ...process.env, TMPDIR: scratch },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.on('close', (code, by) => resolve([code, by])),
  );
  await Promise.race([closed, sleep(delayMs)]);
  const sentAt = performance.now();
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), 3 * mostMs);
  const [code, by] = await closed;
  clearTimeout(late);
  const ms = performance.now() - sentAt;
  const known = by === signal || code === 128 + numbers[signal] || expected.includes(code);
  const told = `${signal} after ${delayMs.toFixed(0)} ms of blkscope ${args.join(' ')}`;
  const left = readdirSync(place, { recursive: true }).filter((name) => /\.partial\b/.test(String(name)));
  rmSync(place, { recursive: true, force: true });
  if (!known) return `${told}: ${by ?? `exit code ${code}`}\n${stderr}`;
  if (/^\s+at /m.test(stderr)) return `${told}: a stack trace\n${stderr}`;
  if (ms > mostMs) return `${told}: ${ms.toFixed(0)} ms`;
  return left.length > 0 ? `${told}: left ${left}` : null;
}

/** What ended must have nobody left at work in its folder. */
async function processesLeft(): Promise<string[]> {
  const inFolder = () =>
    readdirSync('/proc').filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      } catch {
        return false; // no process, or gone meanwhile
      }
    });
  for (let i = 0; i < 60 && inFolder().length > 0; i++) await sleep(50);
  return inFolder();
}

async function signalled(
  commands: readonly string[][],
  count: number,
  longestMs: number,
  from: number,
): Promise<string[]> {
  const random = randomFrom(from);
  const faults: string[] = [];
  for (let i = 0; i < count; i++) {
    const args = commands[i % commands.length] as string[];
    const signal = pick(random, ['SIGHUP', 'SIGINT', 'SIGTERM'] as const);
    const fault = await faultOf(args, signal, random() * longestMs);
    if (fault) faults.push(fault);
  }
  return faults;
}

test(`${rounds} signals at random moments, seed ${seed}`, { timeout: 1_800_000 }, async () => {
  const before = machineState();
  const turns = Math.ceil(rounds / 4);
  const faults = await Promise.all([
    signalled(tracing(), turns, 2500, seed),
    signalled(others, rounds - turns, 900, seed + 1),
  ]);
  assert.deepEqual(faults.flat(), []);
  assert.deepEqual(await processesLeft(), []);
  assert.deepEqual(machineState(), before);
});

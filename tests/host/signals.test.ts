// Signals at random moments of every command: each ends soon, with a documented exit, and leaves the machine, its folder
// and its processes as they were.
//
//   BLKSCOPE_SIGNALS=1000 BLKSCOPE_SIGNALS_SEED=1 node --import tsx --test tests/host/signals.test.ts
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { exitCodes } from '../../src/errors.js';
import { locateFiles } from '../../src/machine/traced-files.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { processTree } from '../../src/process/process-tree.js';
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
/** A process that reads the model all the time: what --attach looks at. */
let reader: ChildProcess;

before(async () => {
  await synthesizeModel(join(folder, 'tiny.gguf'), { preset: 'tiny-llama' });
  disk = locateFiles([join(folder, 'tiny.gguf')]).disk;
  const reads = Array.from({ length: 50_000 }, (_, i) => ({
    time: 1000 + i * 700,
    sector: (i % 9973) * 8,
    sectors: 8,
  }));
  await writeStoredRun(join(folder, 'run'), reads, 9973 * 8);
  const trace = new Records().reads(100_000, 10n ** 9n).bytes;
  writeFileSync(join(folder, 't.blktrace.0'), trace);
  writeFileSync(join(folder, 't.gz'), gzipSync(trace));
  const routes = Array.from({ length: 200_000 }, (_, i) => `${i >> 3},${i & 1},${(i * 7) % 61}`);
  writeFileSync(join(folder, 'routes.csv'), routes.join('\n'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const sweep = {
    model: 'tiny.gguf',
    tokens: [4, 8],
    pressure: ['none', { limit: '300M' }],
    llama: 'embedded',
    output: 'out',
  };
  writeFileSync(join(folder, 'sweep.json'), JSON.stringify(sweep));
  const endless = 'exec 3< "$0"; while :; do dd if="$0" of=/dev/null bs=64k status=none; sleep 0.1; done';
  reader = spawn('sh', ['-c', endless, join(folder, 'tiny.gguf')], { cwd: '/', stdio: 'ignore' });
});
after(() => {
  reader.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

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
  ['run', ...tokens, '--limit', '300M', '--watch', ...traced],
  ['run', ...tokens, '--limit', '300M', '--account', '--repeat', '2', ...traced],
  ['record', '--attach', 'reader', ...traced, '--duration', '5'],
  ['record', '--attach', 'reader', '--watch', ...traced, '--duration', '5'],
  ['top', disk, '--mount'],
  ['top', '--attach', 'reader', '--mount'],
  ['demo', '--dir', 'out', '--size', '60M', '-n', '4'],
  ['sweep', 'sweep.json', '--mount'],
  ['recover'],
];

/** What shows itself on the whole screen, which must be given back. */
const needsTerminal = (args: readonly string[]) => args[0] === 'top' || args.includes('--watch');

const others: readonly string[][] = [
  ['lock', '20M'],
  ['lock', '20M', '--', 'sleep', '5'],
  ['pin', ...model, '--', 'sleep', '5'],
  ['import', 't', '-o', 'out'],
  ['import', 't.gz', '-o', 'out'],
  ['import', 'pipe', '-o', 'out'],
  ['report', 'run', '--all'],
  ['report', 'run', '--html', 'out'],
  ['compare', 'run', 'run'],
  ['compare', 'run', 'run', '--html', 'out'],
  ['plot', 'run', '--kind', 'access', '-o', 'out.svg'],
  ['plot', 'run', '--kind', 'gaps', '-o', 'out.pdf'],
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
  ['map', 'tiny.gguf', '--tensors', '--json'],
  ['synthesize', '--preset', 'gpt-oss-1b', '--bytes', '500M', '-o', 'out'],
  ['advise', 'run'],
  ['curve', 'run'],
  ['curve', '--routes', 'routes.csv', '--expert-size', '1M'],
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
  const near = (word: string) => {
    if (word === 'reader') return `${reader.pid}`;
    if (word.startsWith('out')) return join(place, word);
    return /^(run|tiny\.gguf|t|t\.gz|pipe|routes\.csv|sweep\.json)$/.test(word) ? join(folder, word) : word;
  };
  const call = [process.execPath, cliPath, args[0] as string, ...args.slice(1).map(near)];
  const terminal = needsTerminal(args);
  const [program, ...rest] = terminal ? ['script', '-qfec', `exec ${call.join(' ')}`, '/dev/null'] : call;
  const child = spawn(program as string, rest, {
    cwd: place,
    env: { ...process.env, TMPDIR: scratch, TERM: 'xterm' },
    stdio: [terminal ? 'pipe' : 'ignore', terminal ? 'pipe' : 'ignore', 'pipe'],
  });
  let stderr = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
  const signalled = terminal ? await childOf(child) : child.pid;
  const kill = (by: NodeJS.Signals) => send(signalled, by);
  const closed = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.on('close', (code, by) => resolve([code, by])),
  );
  await Promise.race([closed, sleep(delayMs)]);
  const sentAt = performance.now();
  kill(signal);
  const late = setTimeout(() => kill('SIGKILL'), 3 * mostMs);
  const [code, by] = await closed;
  clearTimeout(late);
  const ms = performance.now() - sentAt;
  const known = by === signal || code === 128 + numbers[signal] || expected.includes(code);
  const told = `${signal} after ${delayMs.toFixed(0)} ms of blkscope ${args.join(' ')}`;
  const left = readdirSync(place, { recursive: true }).filter((name) =>
    /\.partial\b|\bdemo-\d+\.gguf/.test(String(name)),
  );
  rmSync(place, { recursive: true, force: true });
  if (!known) return `${told}: ${by ?? `exit code ${code}`}\n${stderr}`;
  if (/^\s+at /m.test(stderr)) return `${told}: a stack trace\n${stderr}`;
  if (ms > mostMs) return `${told}: ${ms.toFixed(0)} ms`;
  if (!screenIsBack(stderr)) return `${told}: the terminal is not as it was`;
  return left.length > 0 ? `${told}: left ${left}` : null;
}

/** What script(1) runs in its terminal; undefined: it has ended. */
async function childOf(child: ChildProcess): Promise<number | undefined> {
  for (let i = 0; i < 100 && child.exitCode === null; i++) {
    const [, inside] = processTree(child.pid as number);
    if (inside !== undefined) return inside;
    await sleep(10);
  }
  return undefined;
}

function send(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** The usual page, and a cursor, of whatever was shown, and no sequence of ours as text. */
function screenIsBack(written: string): boolean {
  if (written.includes('\\x1b')) return false;
  return [
    ['\x1b[?1049h', '\x1b[?1049l'],
    ['\x1b[?25l', '\x1b[?25h'],
  ].every(([taken, given]) => written.lastIndexOf(taken as string) <= written.lastIndexOf(given as string));
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

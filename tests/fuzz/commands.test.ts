// Whole commands on files that were changed at random, for a minute: each ends soon, in bounded memory, with a documented
// exit code and, where that is not 0, one line that says why.
//
//   BLKSCOPE_FUZZ_SECONDS=600 BLKSCOPE_FUZZ_SEED=1 node --import tsx --test tests/fuzz/commands.test.ts
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { exitCodes } from '../../src/errors.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { statusBytes } from '../../src/process/process-memory.js';
import { readProc } from '../../src/process/process-tree.js';
import { cliPath } from '../host/command-line.js';
import { writeSafetensors } from '../unit/model/safetensors-file.js';
import { writeStoredRun } from '../unit/store/stored-run.js';
import { mutatedBytes, mutatedJson, pick, randomFrom } from './mutations.js';

const seconds = Number(process.env.BLKSCOPE_FUZZ_SECONDS ?? 45);
/** The same by default, so that what fails is a change's; long runs take others. */
const seed = Number(process.env.BLKSCOPE_FUZZ_SEED ?? 1);
/** Of a processor's time: the machine may be busy with other tests, and a command that waits has a limit of its own. */
const mostCpuMs = 8_000;
const mostMs = 60_000;
const mostBytes = 2 ** 30;

const folder = mkdtempSync('/var/tmp/blkscope-fuzz-');
const sound = join(folder, 'sound');
const run = join(sound, 'run');

before(async () => {
  chmodSync(folder, 0o755);
  mkdirSync(sound);
  const reads = Array.from({ length: 300 }, (_, i) => ({
    time: 1000 + i * 1e6,
    sector: 1000 + 8 * (i % 4),
    sectors: 8,
  }));
  await writeStoredRun(run, reads, 32);
  await synthesizeModel(join(sound, 'model.gguf'), { preset: 'tiny-llama' });
  writeSafetensors(join(sound, 'model.safetensors'), [
    { name: 'model.layers.0.mlp.gate.weight', shape: [64, 64] },
  ]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const trace = gunzipSync(readFileSync(new URL('../fixtures/blktrace/none.blktrace.0.gz', import.meta.url)));
const routes = Buffer.from(
  Array.from({ length: 200 }, (_, i) => `${i >> 2},${i & 3},${(i * 7) % 16}\n`).join(''),
);
const sweep = {
  model: [
    { path: 'made.gguf', synthesize: 'tiny-llama', bytes: '100M', router: { zipf: 1.2 } },
    'other.gguf',
  ],
  ...{ pressure: ['none', { limit: '3G' }], tokens: [10, 20], threads: [1, 2], readahead: 128, repeat: 3 },
  ...{ env: { LC_ALL: 'C' }, timeLimit: 60, output: 'swept', llama: 'none' },
};

type Random = () => number;
/** Puts a changed file into a folder of its own, and says what is to be called there. */
type Attempt = (place: string, random: Random) => string[];

const fromFile =
  (name: string, bytes: () => Buffer, commands: readonly string[][]): Attempt =>
  (place, random) => {
    writeFileSync(join(place, name), mutatedBytes(bytes(), random));
    return [...pick(random, commands)];
  };

const sections = ['--all', '--json', '--regions', '--naive', '--html out.html', '--section latency', ''];
const figures = [
  'access',
  'timeline',
  'cumulative',
  'token-time',
  'heat',
  'latency',
  'gaps',
  'sizes',
  'cliff',
];
const onRun: readonly string[][] = [
  ...sections.map((option) => ['report', 'run', ...option.split(' ').filter(Boolean)]),
  ...figures.map((kind) => ['plot', 'run', '--kind', kind, '-o', 'out.svg']),
  ...[
    'compare run run',
    'compare run run --html out.html',
    'compare run run --json',
    'advise run',
    'curve run',
  ].map((line) => line.split(' ')),
  ...['FROM bandwidth', 'FROM event', 'FROM tensor_coverage', 'FROM io', 'DESCRIBE latency'].map((sql) => [
    'query',
    'run',
    sql,
  ]),
  ...['csv', 'jsonl', 'perfetto', 'blktrace', 'parquet', 'duckdb'].map((format) => [
    'export',
    'run',
    '--format',
    format,
    '-o',
    'out',
  ]),
];

function changedRun(place: string, random: Random): string[] {
  const copy = join(place, 'run');
  cpSync(run, copy, { recursive: true });
  const name = pick(random, ['summary.json', 'summary.json', 'config.json', 'trace.duckdb']);
  const path = join(copy, name);
  const bytes = readFileSync(path);
  const asJson = name !== 'trace.duckdb' && random() < 0.8;
  writeFileSync(
    path,
    asJson ? JSON.stringify(mutatedJson(JSON.parse(String(bytes)), random)) : mutatedBytes(bytes, random),
  );
  return [...pick(random, onRun)];
}

function changedSweep(place: string, random: Random): string[] {
  const text =
    random() < 0.7
      ? JSON.stringify(mutatedJson(sweep, random))
      : mutatedBytes(Buffer.from(JSON.stringify(sweep, null, 1)), random);
  writeFileSync(join(place, 'sweep.yaml'), text);
  return ['sweep', 'sweep.yaml'];
}

const attempts: readonly Attempt[] = [
  changedRun,
  changedRun,
  changedRun,
  changedSweep,
  fromFile('t.blktrace.0', () => trace, [
    ['import', 't', '-o', 'out'],
    ['import', 't.blktrace.0', '-o', 'out', '--no-store', '--json'],
  ]),
  fromFile('m.gguf', () => readFileSync(join(sound, 'model.gguf')), [
    ['map', 'm.gguf', '--tensors'],
    ['map', 'm.gguf', '--json'],
  ]),
  fromFile('m.safetensors', () => readFileSync(join(sound, 'model.safetensors')), [
    ['map', 'm.safetensors', '--tensors'],
  ]),
  fromFile('routes.csv', () => routes, [
    ['curve', '--routes', 'routes.csv'],
    ['curve', '--routes', 'routes.csv', '--expert-size', '1M', '--memory', '4M'],
  ]),
];

interface Ended {
  exitCode: number | null;
  signal: string | null;
  ms: number;
  cpuMs: number;
  bytes: number;
  stderr: string;
}

/** As a user without rights where we are root: a sweep whose file says so must make no run here. */
const asNobody =
  process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] : [];

/** Of all threads; the kernel counts hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = (readProc(pid, 'stat') ?? '').replace(/^.*\) /, '').split(' ');
  return 10 * (Number(fields[11] ?? 0) + Number(fields[12] ?? 0));
}

function call(args: readonly string[], cwd: string): Promise<Ended> {
  const [program, ...rest] = [...asNobody, process.execPath, cliPath, ...args] as [string, ...string[]];
  const began = performance.now();
  const child = spawn(program, rest, {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOME: cwd },
  });
  const ended: Ended = { exitCode: null, signal: null, ms: 0, cpuMs: 0, bytes: 0, stderr: '' };
  const pid = child.pid as number;
  const look = setInterval(() => {
    ended.bytes = Math.max(ended.bytes, statusBytes(readProc(pid, 'status') ?? '', 'VmHWM'));
    ended.cpuMs = Math.max(ended.cpuMs, cpuMs(pid));
    if (ended.cpuMs > mostCpuMs) child.kill('SIGKILL');
  }, 50);
  const late = setTimeout(() => child.kill('SIGKILL'), mostMs);
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    ended.stderr += text;
  });
  return new Promise((resolve) => {
    child.on('close', (exitCode, signal) => {
      clearInterval(look);
      clearTimeout(late);
      resolve({ ...ended, exitCode, signal, ms: performance.now() - began });
    });
  });
}

const documented: readonly (number | null)[] = Object.values(exitCodes).filter(
  (code) => code !== exitCodes.internal,
);

/** What is wrong with how a command ended; null: nothing. */
function faultOf({ exitCode, signal, ms, cpuMs, bytes, stderr }: Ended): string | null {
  if (signal) return `ended by ${signal} after ${ms.toFixed(0)} ms, ${cpuMs} of them at work`;
  if (!documented.includes(exitCode)) return `exit code ${exitCode}`;
  if (bytes > mostBytes) return `${bytes} bytes of memory`;
  if (/^\s+at /m.test(stderr)) return 'a stack trace';
  if (/[\p{Cc}\p{Cf}]/u.test(stderr.replaceAll('\n', ''))) return 'a control character';
  const last = stderr.trimEnd().split('\n').at(-1) ?? '';
  if (exitCode !== 0 && !/^blkscope: ./.test(last)) return 'no line that says why';
  return last.length > 4096 ? 'a line without an end' : null;
}

test(`commands on changed files, seed ${seed}`, async () => {
  const until = performance.now() + seconds * 1000;
  const faults: string[] = [];
  const counts = new Map<number | null, number>();
  let next = 0;
  const worker = async () => {
    while (performance.now() < until && faults.length === 0) {
      const number = next++;
      const random = randomFrom(seed + number);
      const place = join(folder, `${number}`);
      mkdirSync(place);
      const args = pick(random, attempts)(place, random);
      if (asNobody.length > 0) execFileSync('chown', ['-R', '65534', place]);
      const ended = await call(args, place);
      counts.set(ended.exitCode, (counts.get(ended.exitCode) ?? 0) + 1);
      const fault = faultOf(ended);
      if (fault)
        faults.push(
          `seed ${seed + number}: blkscope ${args.join(' ')}: ${fault}\n${ended.stderr.slice(0, 3000)}`,
        );
      rmSync(place, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
  const told = [...counts].map(([code, count]) => `${count} ended with ${code}`).join(', ');
  console.log(`${next} commands: ${told}`);
  assert.deepEqual(faults, []);
  assert.ok((counts.get(exitCodes.ok) ?? 0) > 0 && (counts.get(exitCodes.usage) ?? 0) > 0, told);
});

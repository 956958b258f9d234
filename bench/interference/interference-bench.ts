// What tracing does to the experiment itself: the same run untraced, under blkscope, and under blktrace into a tmpfs.
//   npm run bench:interference -- --model FILE [--llama PROGRAM] [--limit MIB] [--quick] [--rounds N] [--tokens N] [--json FILE]
// llama-bench generates tokens from a cold cache under a memory limit, in turns; 5 rounds, --quick: 2. Speeds are
// llama-bench's, bytes read the disk's own counters: neither comes from a tracer. Default: a model of random weights of
// 500 MB, made under build/, with 85 % of its size as the limit, and llama-bench of `node scripts/get-llama.mjs`.
// blktrace is left out where the kernel does not let it start. As root.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { synthesizeModel, Tracer } from '../../dist/index.js';
import { beginChanges, undoChanges } from '../../dist/machine/changes.js';
import { mountTracing } from '../../dist/machine/mounts.js';
import { Steps } from '../../dist/machine/steps.js';
import { locateFiles } from '../../dist/machine/traced-files.js';
import { prepareCache, residencyOf } from '../../dist/memory/cache-state.js';
import { MemoryCgroup } from '../../dist/memory/cgroup.js';
import { root } from '../programs.js';
import type { Shapes } from '../results.js';
import { spread } from '../spread.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    model: { type: 'string', default: join(root, 'build/bench/interference.gguf') },
    llama: { type: 'string', default: join(root, 'vendor/llama/bin/llama-bench') },
    limit: { type: 'string' },
    rounds: { type: 'string' },
    tokens: { type: 'string', default: '12' },
    json: { type: 'string' },
  },
});
const { model } = flags;
if (!existsSync(model)) {
  mkdirSync(join(root, 'build/bench'), { recursive: true });
  await synthesizeModel(model, { preset: 'demo', bytes: 500e6 });
}
const { disk } = locateFiles([model]);
const modelBytes = statSync(model).size;
const limitBytes = flags.limit ? Number(flags.limit) * 2 ** 20 : Math.round(modelBytes * 0.85);
const rounds = Number(flags.rounds ?? (flags.quick ? 2 : 5));

/** What a round gave. `tracerBytes`: memory that the tracer held, its files in memory included. */
interface Round {
  tokensPerSecond: number;
  readBytes: number;
  cachedAfterBytes: number;
  tracerBytes: number;
}

/** A tracer that has begun; its end tells the memory that it held. */
interface Tracing {
  end(): Promise<number>;
}

const tracers: Record<string, () => Promise<Tracing | null>> = {
  untraced: async () => ({ end: async () => 0 }),
  blkscope: async () => {
    const tracer = Tracer.start({ devices: [disk] });
    return {
      end: async () => {
        const { kernelBufferBytes, spoolPeakBytes } = (await tracer.summary()).tracer;
        await tracer[Symbol.asyncDispose]();
        return kernelBufferBytes + spoolPeakBytes;
      },
    };
  },
  'blktrace to tmpfs': startBlktrace,
};

/** Buffers are blktrace's own: 4 of 512 KiB for each CPU. null: the kernel refuses it. */
async function startBlktrace(): Promise<Tracing | null> {
  const folder = mkdtempSync('/dev/shm/blkscope-bench-');
  const tracer = spawn('blktrace', ['-d', `/dev/${disk}`, '-D', folder, '-o', 'trace'], { stdio: 'ignore' });
  tracer.on('error', () => {});
  await sleep(500);
  if (tracer.pid === undefined || tracer.exitCode !== null) {
    rmSync(folder, { recursive: true });
    return null;
  }
  return {
    end: async () => {
      tracer.kill('SIGINT');
      await once(tracer, 'exit');
      const files = readdirSync(folder);
      const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      rmSync(folder, { recursive: true });
      return bytes + files.length * 4 * (512 << 10);
    },
  };
}

/** Bytes that the disk has read since it is there, by its own count. */
const diskReadBytes = (): number =>
  Number(readFileSync(`/sys/class/block/${disk}/stat`, 'utf8').trim().split(/\s+/)[2]) * 512;

async function round(name: string): Promise<Round | null> {
  await prepareCache('cold', [model]);
  const changes = beginChanges();
  try {
    const cgroup = MemoryCgroup.create(changes, limitBytes);
    const tracing = await tracers[name]?.();
    if (!tracing) return null;
    const before = diskReadBytes();
    const tokensPerSecond = generate(cgroup.procsFile);
    const readBytes = diskReadBytes() - before;
    const cachedAfterBytes = residencyOf([model]).cachedBytes ?? Number.NaN;
    return { tokensPerSecond, readBytes, cachedAfterBytes, tracerBytes: await tracing.end() };
  } finally {
    undoChanges(changes);
  }
}

/** Weights that are copied are read once, whatever the memory. */
const mapped = ['--load-mode', 'mmap', '--repack', '0'];

function generate(procsFile: string): number {
  const script = 'echo $$ > "$0" && exec "$@"';
  const args = ['-m', model, '-p', '0', '-n', flags.tokens, '-r', '1', '-o', 'json', ...mapped];
  const { status, signal, stdout, stderr } = spawnSync(
    'sh',
    ['-c', script, procsFile, flags.llama, ...args],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`${flags.llama} ended with ${signal ?? status}: ${stderr}`);
  const [{ avg_ts: speed }] = JSON.parse(stdout) as [{ avg_ts: number }];
  return speed;
}

const found = new Map<string, Round[]>();
await using steps = new Steps();
await mountTracing(steps);
for (let i = 0; i < rounds; i++) {
  for (const name of Object.keys(tracers)) {
    const one = await round(name);
    if (one) found.set(name, [...(found.get(name) ?? []), one]);
  }
}
const variants = [...found].map(([variant, all]) => ({
  variant,
  tokensPerSecond: spread(all.map((one) => one.tokensPerSecond)),
  readBytes: spread(all.map((one) => one.readBytes)),
  cachedAfterBytes: spread(all.map((one) => one.cachedAfterBytes)),
  tracerBytes: spread(all.map((one) => one.tracerBytes)),
}));
for (const { variant, ...figures } of variants) {
  const [speed, ...bytes] = Object.values(figures).map(({ median }) => median);
  const mib = bytes.map((each) => `${(each / 2 ** 20).toFixed(1)} MiB`.padStart(14)).join('');
  console.log(`${variant.padEnd(20)}${speed?.toFixed(2).padStart(8)} tokens/s${mib}`);
}
const result: Shapes['interference'] = {
  rounds,
  modelBytes,
  limitBytes,
  tokens: Number(flags.tokens),
  variants,
};
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);

// The same experiment untraced and under each tracer that can be started here, in turns: llama-bench generates tokens from a
// cold cache, under a limit that is smaller than the model. Speeds are llama-bench's, bytes read the disk's own counters:
// neither comes from a tracer.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { beginChanges, undoChanges } from '../../dist/machine/changes.js';
import { mountTracing } from '../../dist/machine/mounts.js';
import { Steps } from '../../dist/machine/steps.js';
import { locateFiles } from '../../dist/machine/traced-files.js';
import { prepareCache, residencyOf } from '../../dist/memory/cache-state.js';
import { MemoryCgroup } from '../../dist/memory/cgroup.js';
import type { Shapes } from '../results.js';
import { spread } from '../spread.js';
import { type Taken, type Tracer, tracers } from './tracers.js';

export interface Turns {
  model: string;
  /** The program llama-bench. */
  llama: string;
  limitBytes: number;
  rounds: number;
  tokens: number;
}

type Round = { tokensPerSecond: number; readBytes: number; cachedAfterBytes: number } & Taken;

/** Every other round backwards, so that no variant always follows the same one. */
export async function inTurns(turns: Turns): Promise<Shapes['interference']> {
  const found = new Map<string, Round[]>(Object.keys(tracers).map((name) => [name, []]));
  await using steps = new Steps();
  await mountTracing(steps);
  for (let i = 0; i < turns.rounds; i++) {
    const names = Object.keys(tracers);
    for (const name of i % 2 ? names.toReversed() : names) {
      const one = await round(turns, tracers[name] as Tracer);
      process.stderr.write(
        `${i} ${name}: ${one ? `${one.tokensPerSecond.toFixed(2)} tokens/s` : 'does not run here'}\n`,
      );
      if (one) found.get(name)?.push(one);
    }
  }
  const made = [...found].filter(([, rounds]) => rounds.length > 0);
  const { rounds, tokens, limitBytes } = turns;
  return {
    rounds,
    modelBytes: statSync(turns.model).size,
    limitBytes,
    tokens,
    variants: made.map(([variant, all]) => ({
      variant,
      tokensPerSecond: spread(all.map((one) => one.tokensPerSecond)),
      readBytes: spread(all.map((one) => one.readBytes)),
      cachedAfterBytes: spread(all.map((one) => one.cachedAfterBytes)),
      traceBytes: spread(all.map((one) => one.traceBytes)),
      processBytes: spread(all.map((one) => one.processBytes)),
    })),
  };
}

async function round(turns: Turns, start: Tracer): Promise<Round | null> {
  const { disk } = locateFiles([turns.model]);
  await prepareCache('cold', [turns.model]);
  const changes = beginChanges();
  try {
    const cgroup = MemoryCgroup.create(changes, turns.limitBytes);
    const tracing = await start(disk);
    if (!tracing) return null;
    const before = diskReadBytes(disk);
    const tokensPerSecond = await generate(turns, cgroup.procsFile);
    const readBytes = diskReadBytes(disk) - before;
    const cachedAfterBytes = residencyOf([turns.model]).cachedBytes ?? Number.NaN;
    return { tokensPerSecond, readBytes, cachedAfterBytes, ...(await tracing.end()) };
  } finally {
    undoChanges(changes);
  }
}

/** Bytes that the disk has read since it is there, by its own count. */
const diskReadBytes = (disk: string): number =>
  Number(readFileSync(`/sys/class/block/${disk}/stat`, 'utf8').trim().split(/\s+/)[2]) * 512;

/** Weights that are copied are read once, whatever the memory. */
const mapped = ['--load-mode', 'mmap', '--repack', '0'];

async function generate({ model, llama, tokens }: Turns, procsFile: string): Promise<number> {
  const script = 'echo $$ > "$0" && exec "$@"';
  const args = ['-m', model, '-p', '0', '-n', `${tokens}`, '-r', '1', '-o', 'json', ...mapped];
  const program = spawn('sh', ['-c', script, procsFile, llama, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(program, 'exit');
  const [told, complaint] = await Promise.all([textOf(program.stdout), textOf(program.stderr)]);
  const [code, signal] = await ended;
  if (code !== 0) throw new Error(`${llama} ended with ${signal ?? code}: ${complaint}`);
  const [{ avg_ts: speed }] = JSON.parse(told) as [{ avg_ts: number }];
  return speed;
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const part of stream) text += part;
  return text;
}

/** What it found, a line a variant. */
export function told({ variants }: Shapes['interference']): string {
  return variants
    .map(({ variant, tokensPerSecond, ...figures }) => {
      const mib = Object.values(figures).map(({ median }) =>
        `${(median / 2 ** 20).toFixed(1)} MiB`.padStart(14),
      );
      return `${variant.padEnd(20)}${tokensPerSecond.median.toFixed(2).padStart(8)} tokens/s${mib.join('')}`;
    })
    .join('\n');
}

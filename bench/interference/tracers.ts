// The tracers that an experiment is made under, each in a process of its own, as its users start it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Memory that a tracer took: for what it traced, in the kernel and in files, and the most that its own process had. */
export interface Taken {
  traceBytes: number;
  processBytes: number;
}

/** A tracer that has begun. */
export interface Tracing {
  end(): Promise<Taken>;
}

/** Starts a tracer of a disk. null: the program is not here, or the kernel refuses it. */
export type Tracer = (disk: string) => Promise<Tracing | null>;

export const tracers: Record<string, Tracer> = {
  untraced: async () => ({ end: async () => ({ traceBytes: 0, processBytes: 0 }) }),
  blkscope: traceWithBlkscope,
  'blktrace to tmpfs': traceWithBlktrace,
  'bpftrace to tmpfs': traceWithBpftrace,
};

/** Keeps what it captures until its standard input ends, as `blkscope record` does. */
const captureUntilEnd = (disk: string) => `
  const { Tracer } = await import('${fileURLToPath(new URL('../../dist/capture/tracer.js', import.meta.url))}');
  const tracer = Tracer.start({ devices: ['${disk}'] });
  console.log('tracing');
  for await (const _ of process.stdin);
  const { kernelBufferBytes, spoolPeakBytes } = (await tracer.summary()).tracer;
  tracer.close();
  console.log(kernelBufferBytes + spoolPeakBytes);`;

async function traceWithBlkscope(disk: string): Promise<Tracing | null> {
  const program = spawn(process.execPath, ['--input-type=module', '-e', captureUntilEnd(disk)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = program.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  if ((await lines.next()).done) return null;
  return {
    end: async () => {
      const processBytes = peakBytes(program);
      program.stdin.end();
      const { value } = await lines.next();
      if (program.exitCode === null) await once(program, 'exit');
      return { traceBytes: Number(value), processBytes };
    },
  };
}

/** Buffers are blktrace's own: 4 of 512 KiB for each CPU. */
async function traceWithBlktrace(disk: string): Promise<Tracing | null> {
  const folder = mkdtempSync('/dev/shm/blkscope-bench-');
  const args = ['-d', `/dev/${disk}`, '-D', folder, '-o', 'trace'];
  const program = await started(spawn('blktrace', args, { stdio: 'ignore' }), 500);
  return tracingInto(folder, program, (files) => files * 4 * (512 << 10));
}

/** What biosnoop does: a line a read, with the time between its issue and its completion. */
const biosnoop = `
  tracepoint:block:block_rq_issue { @issued[args->dev, args->sector] = nsecs; }
  tracepoint:block:block_rq_complete /@issued[args->dev, args->sector]/ {
    $began = @issued[args->dev, args->sector];
    printf("%llu %d %s %llu %d %llu\\n", nsecs, pid, args->rwbs, args->sector, args->nr_sector, nsecs - $began);
    delete(@issued[args->dev, args->sector]);
  }`;

async function traceWithBpftrace(): Promise<Tracing | null> {
  const folder = mkdtempSync('/dev/shm/blkscope-bench-');
  const file = openSync(join(folder, 'lines'), 'w');
  try {
    const child = spawn('bpftrace', ['-e', biosnoop], { stdio: ['ignore', file, 'ignore'] });
    return tracingInto(folder, await started(child, 60_000, join(folder, 'lines')), () => 0);
  } finally {
    closeSync(file);
  }
}

/** A tracer that writes files until it is interrupted; `buffers`: what the kernel holds for so many of them. */
function tracingInto(
  folder: string,
  program: ChildProcess | null,
  buffers: (files: number) => number,
): Tracing | null {
  if (!program) {
    rmSync(folder, { recursive: true });
    return null;
  }
  return {
    end: async () => {
      const processBytes = peakBytes(program);
      await interrupt(program);
      const files = readdirSync(folder);
      const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      rmSync(folder, { recursive: true });
      return { traceBytes: bytes + buffers(files.length), processBytes };
    },
  };
}

/** The program, once it has traced for a while or written to a file of its own; null: it has ended. */
async function started(program: ChildProcess, mostMs: number, file?: string): Promise<ChildProcess | null> {
  program.on('error', () => {});
  for (let waited = 0; waited < mostMs && program.exitCode === null; waited += 50) {
    if (file && statSync(file).size > 0) break;
    await sleep(50);
  }
  return program.pid === undefined || program.exitCode !== null ? null : program;
}

/** Now and then blktrace misses a SIGINT and waits for ever; it takes the next one. */
async function interrupt(program: ChildProcess): Promise<void> {
  const again = setInterval(() => program.kill('SIGINT'), 3000);
  program.kill('SIGINT');
  await once(program, 'exit');
  clearInterval(again);
}

/** The most memory that a process has had so far. */
function peakBytes({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

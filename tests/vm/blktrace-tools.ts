// What blkparse and btt say of a trace, as numbers.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Events by action letter and direction (blkparse's letters without the flags), with their sectors. */
export type ActionCounts = Record<string, { count: number; sectors: number }>;

/** A stage's times in ns, as btt prints them. */
export interface BttStage {
  count: number;
  min: number;
  mean: number;
  max: number;
}

export type BttStages = Record<string, BttStage>;

function run(folder: string, program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    cwd: folder,
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** blkparse's list of events as it prints it, without the files' names. */
export function listing(folder: string, base: string): string {
  return run(folder, 'blkparse', '-i', base, '-q').replaceAll(/^Input file .*\n/gm, '');
}

/** Counted from blkparse's list of events; keys such as `Q read`, as the store names directions. */
export function listedEvents(folder: string, base: string): ActionCounts {
  const text = run(folder, 'blkparse', '-i', base, '-q', '-f', 'event %a %d %n\n');
  const counts: ActionCounts = {};
  for (const [, action, way = '', sectors] of text.matchAll(/^event (\w+) (\w*) (\d+)$/gm)) {
    const key = `${action === 'UT' ? 'T' : action} ${directionOf(way, Number(sectors))}`;
    const sum = counts[key] ?? { count: 0, sectors: 0 };
    counts[key] = { count: sum.count + 1, sectors: sum.sectors + Number(sectors) };
  }
  return counts;
}

/** blkparse's letters: the operation, an F before it for a flush first, others after it. */
function directionOf(way: string, sectors: number): string {
  if (way.includes('D')) return 'discard';
  if (way.startsWith('F') && sectors === 0) return 'flush';
  if (way.includes('W')) return 'write';
  return way.includes('R') ? 'read' : 'none';
}

/** The figures of the summary's last block, over all CPUs: `Reads Completed` and so on, with KiB where it gives them. */
export function summaryTotals(folder: string, base: string): Record<string, { count: number; kib: number }> {
  const text = run(folder, 'blkparse', '-i', base, '-f', '', '-s');
  const total = text.slice(text.lastIndexOf('Reads Queued'));
  const figures = total.matchAll(/(Reads?|Writes?) (\w+): +(\d+)(?:, +(\d+)KiB)?/g);
  return Object.fromEntries(
    Array.from(figures, ([, way, what, count, kib = 0]) => [
      `${way} ${what}`,
      { count: Number(count), kib: Number(kib) },
    ]),
  );
}

/**
 * How many events blkparse finds missing by their sequence numbers. It looks at them in a piped stream only, and counts
 * some of several CPUs' not, so it gets one CPU at a time.
 */
export function skippedEvents(folder: string, base: string): number {
  const cpus = readdirSync(folder).filter((name) => name.startsWith(`${base}.blktrace.`));
  return cpus.reduce((total, name) => {
    const text = run(folder, 'sh', '-c', `blkparse -i - -f '' -s < ${name}`);
    return total + Number(/Skips: .*\((\d+) -/.exec(text)?.[1] ?? 0); // a CPU that lost nothing has no such line
  }, 0);
}

const headerBytes = 48;
const category = { read: 1 << 16, write: 1 << 17, discard: 1 << 29 } as const;

/** Whether an event goes to btt, by its action word. */
export type Keep = (action: number) => boolean;

export const readsAlone: Keep = (action) => (action & category.read) !== 0;
export const writesAlone: Keep = (action) =>
  (action & category.write) !== 0 && (action & category.discard) === 0;
export const writesAndDiscards: Keep = (action) => (action & category.write) !== 0;

/** btt's table of stages over all devices, by its names, from those of a trace's events that are kept. */
export function btt(folder: string, base: string, keep: Keep): BttStages {
  const dump = `${base}.bin`;
  run(folder, 'blkparse', '-i', base, '-q', '-O', '-d', dump);
  const records = [...recordsOf(readFileSync(join(folder, dump)))];
  writeFileSync(join(folder, dump), Buffer.concat(records.filter((record) => keep(record.readUInt32LE(28)))));
  const text = run(folder, 'btt', '-i', dump);
  const table = text.slice(0, text.indexOf('Device Overhead'));
  const ns = (seconds = '') => Math.round(Number(seconds) * 1e9);
  const rows = table.matchAll(/^(\w2\w)(?:dm)? +([\d.]+) +([\d.]+) +([\d.]+) +(\d+)$/gm);
  return Object.fromEntries(
    Array.from(rows, ([, stage = '', min, mean, max, count]) => [
      stage.toLowerCase(),
      { count: Number(count), min: ns(min), mean: ns(mean), max: ns(max) },
    ]),
  );
}

function* recordsOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const end = start + headerBytes + bytes.readUInt16LE(start + 46);
    yield bytes.subarray(start, end);
    start = end;
  }
}

import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { built, root } from '../programs.js';
import type { DatasetBench, DatasetQuery } from '../results.js';
import { spread } from '../spread.js';
import { blkscope, measurePiped, requireDisk, tell } from './workbench.js';

/** Runs that are made and exported each by itself; the others are copies of their partitions under other names. */
const madeRuns = 10;
const bytesPerEvent = 3;

const questions: Record<string, readonly string[]> = {
  'rows by run': ['duckdb', 'polars', 'hyparquet'],
  sums: ['duckdb', 'polars'],
  'by action': ['duckdb', 'polars'],
  'read by run': ['duckdb', 'polars'],
};

/** A dataset of so many runs of so many events, and what its engines take to answer. */
export function datasets(folder: string, runs: number, events: number, rounds: number): DatasetBench {
  requireDisk(folder, runs * events * bytesPerEvent + 1e9);
  const dataset = join(folder, 'dataset');
  const exports = Array.from({ length: Math.min(madeRuns, runs) }, (_, i) =>
    exportOne(folder, dataset, nameOf(i), events + 1000 * i),
  );
  for (let i = exports.length; i < runs; i++) copyRun(dataset, nameOf(i % exports.length), nameOf(i));
  const queries = Object.entries(questions).flatMap(([question, engines]) =>
    ask(dataset, question, engines, rounds),
  );
  const bytes = sizeOf(dataset);
  const exported = spread(exports.map(({ seconds }) => seconds));
  const result = { runs, events: rowsOf(queries), bytes, exportSeconds: exported, queries };
  rmSync(dataset, { recursive: true });
  return result;
}

/** Not a number: engines would make one of it. */
const nameOf = (run: number) => `run-${run}`;

function exportOne(folder: string, dataset: string, name: string, events: number) {
  const run = join(folder, name);
  const trace = [built('analyse/generate_trace'), '-', String(events), '2', 'harsh'];
  measurePiped(folder, trace, 'import', '--in-order', '-', '-o', run);
  const cost = blkscope(folder, 'export', run, '--format', 'parquet', '-o', dataset);
  tell(`export of run ${name}`, cost);
  rmSync(run, { recursive: true });
  return cost;
}

/** As the export of another run would have it: nothing in a partition's files names the run. */
function copyRun(dataset: string, from: string, to: string): void {
  for (const table of readdirSync(dataset))
    cpSync(join(dataset, table, `run=${from}`), join(dataset, table, `run=${to}`), { recursive: true });
}

type Answer = { rows: (string | number)[][]; seconds: number; peakBytes: number };

/** All engines by turns. Throws where their answers differ. */
function ask(dataset: string, question: string, engines: readonly string[], rounds: number): DatasetQuery[] {
  const answers = new Map<string, Answer[]>(engines.map((engine) => [engine, []]));
  const killed = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const engine of engines.filter((each) => !killed.has(each))) {
      const answer = answerOf(engine, dataset, question);
      if (answer) answers.get(engine)?.push(answer);
      else killed.add(engine);
    }
  }
  const [first] = [...answers.values()].flat() as [Answer];
  const counted = question === 'rows by run' ? first.rows.reduce((sum, row) => sum + Number(row[2]), 0) : 0;
  return [...answers].map(([engine, own]) => {
    for (const { rows } of own) requireSame(question, engine, first.rows, rows);
    const asked = { question, engine, answerRows: first.rows.length, counted };
    if (killed.has(engine)) return { ...asked, seconds: null, peakBytes: null };
    const seconds = spread(own.map((answer) => answer.seconds));
    const peakBytes = spread(own.map((answer) => answer.peakBytes));
    tell(`${question}, ${engine}`, { seconds: seconds.median, peakBytes: peakBytes.median });
    return { ...asked, seconds, peakBytes };
  });
}

/** null: it took more memory than there is. The kernel then kills it before all else. */
function answerOf(engine: string, dataset: string, question: string): Answer | null {
  const script = join(root, 'bench/scale/query-dataset.ts');
  const args = ['-n', '1000', '--', process.execPath, '--import', 'tsx', script, engine, dataset, question];
  const { status, signal, stdout, stderr } = spawnSync('choom', args, { cwd: root, encoding: 'utf8' });
  if (signal === 'SIGKILL') console.log(`  ${question}, ${engine}: killed, since it took all memory`);
  else if (status !== 0) throw new Error(`${engine} cannot tell ${question}: ${stderr}`);
  return signal === 'SIGKILL' ? null : (JSON.parse(stdout) as Answer);
}

/** Sums of times have more digits than a double: engines add them up in their own order. */
function requireSame(question: string, engine: string, one: Answer['rows'], other: Answer['rows']): void {
  const alike = (a: unknown, b: unknown) =>
    typeof a === 'number' && typeof b === 'number' ? Math.abs(a - b) <= 1e-6 * Math.abs(a) : a === b;
  const same =
    one.length === other.length &&
    one.every((row, i) => row.every((value, column) => alike(value, other[i]?.[column])));
  if (!same) throw new Error(`${question}: ${engine} answers otherwise than the first engine`);
}

const rowsOf = (queries: readonly DatasetQuery[]) => queries[0]?.counted ?? 0;

function sizeOf(path: string): number {
  const status = statSync(path);
  if (!status.isDirectory()) return status.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

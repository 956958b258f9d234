// The whole analysis of a saved trace beside blktrace's own tools and beside a bare walk over its records.
//
//   npm run bench:analyse -- [--events N] [--rounds N] [--only NAME] [--most N] [--json FILE]
//
// Four traces (harsh and easy, of 2 and 16 CPUs) of N events each (default 5,000,000), made anew. All programs take turns
// in every round, and medians are compared: times of whole processes, of blkscope's less Node's own start. Output goes to
// /dev/null. Then what an event costs, and the peak memory, from 100,000 events to --most (default 10,000,000; 100,000,000
// takes 5 GB of $TMPDIR). --rounds: default 9; blkparse takes minutes a round at 5 M events. --only: one trace, or
// 'length'. Needs blktrace's programs and the build (npm run build).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '5000000' },
    rounds: { type: 'string', default: '9' },
    only: { type: 'string' },
    most: { type: 'string', default: '10000000' },
    json: { type: 'string' },
  },
});
const root = fileURLToPath(new URL('../..', import.meta.url));
const built = (path: string) => join(root, 'build/bench/bench', path);
const cli = join(root, 'dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'blkscope-bench-'));

interface Cost {
  seconds: number;
  cpuSeconds: number;
  peakBytes: number;
}

/** What the bench found on one trace; times in seconds, of the median round. */
interface Comparison {
  trace: string;
  events: number;
  seconds: Record<string, number>;
  peakBytes: Record<string, number>;
  /** How many times blkscope's time, less Node's own start. */
  times: Record<string, number>;
  /** Of the analysis alone, its thread's CPU time, and how many times the bare walk that is. */
  analysisNsPerEvent: number;
  timesWalk: number;
  stages: string;
}

interface Length {
  events: number;
  nsPerEvent: number;
  peakBytes: number;
}

function output(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

const measure = (...command: string[]): Cost => JSON.parse(output(built('analyse/measure'), ...command));

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

function build(): void {
  output('cmake', '-S', root, '-B', join(root, 'build/bench'), '-DBLKSCOPE_BENCH=ON');
  const targets = ['generate_trace', 'walk_trace', 'measure', 'stages_bench'];
  output('cmake', '--build', join(root, 'build/bench'), '-j', '2', '--target', ...targets);
}

function generate(kind: string, events: number, streams: number): string {
  const base = join(folder, `${kind}-${streams}`);
  output(built('analyse/generate_trace'), base, String(events), String(streams), kind);
  return base;
}

function discard(base: string): void {
  for (let cpu = 0; cpu < 16; ++cpu) rmSync(`${base}.blktrace.${cpu}`, { force: true });
}

/** An import with full analysis and without the database; the analysis thread's CPU time is in the summary. */
function importOnce(base: string): Cost & { analysisNs: number } {
  const run = join(folder, 'run');
  const cost = measure(process.execPath, cli, 'import', '--no-store', '--json', '-o', run, base);
  const { tracer } = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
  rmSync(run, { recursive: true });
  return { ...cost, analysisNs: tracer.analysisNs };
}

function dumpAndBtt(base: string): Cost {
  const dump = join(folder, 'dump');
  const parts = [measure('blkparse', '-q', '-i', base, '-O', '-d', dump), measure('btt', '-i', dump)];
  rmSync(dump);
  return {
    seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
    cpuSeconds: parts.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    peakBytes: Math.max(...parts.map(({ peakBytes }) => peakBytes)),
  };
}

const csvFormat = '%T.%9t,%d,%C,%a,%S,%n,%p,%e\\n';

function compare(trace: string, base: string, rounds: number): Comparison {
  const programs: Record<string, () => Cost> = {
    blkscope: () => {
      const cost = importOnce(base);
      analysisNs.push(cost.analysisNs);
      return cost;
    },
    'blkparse text': () => measure('blkparse', '-i', base),
    'blkparse csv': () => measure('blkparse', '-q', '-i', base, '-f', csvFormat),
    'blkparse -d, btt': () => dumpAndBtt(base),
    node: () => measure(process.execPath, '-e', '0'),
  };
  const analysisNs: number[] = [];
  const walkNs: number[] = [];
  let events = 0;
  const costs = Object.fromEntries(Object.keys(programs).map((name) => [name, [] as Cost[]]));
  for (let round = 0; round < rounds; ++round) {
    for (const [name, program] of Object.entries(programs)) costs[name]?.push(program());
    const walk: { records: number; ns: number } = JSON.parse(output(built('analyse/walk_trace'), base));
    events = walk.records;
    walkNs.push(walk.ns);
  }
  const medians = (key: keyof Cost) =>
    Object.fromEntries(Object.entries(costs).map(([name, all]) => [name, median(all.map((c) => c[key]))]));
  const seconds = medians('seconds');
  const own = (seconds.blkscope as number) - (seconds.node as number);
  const peers = Object.entries(seconds).filter(([name]) => name.startsWith('blkparse'));
  return {
    trace,
    events,
    seconds,
    peakBytes: medians('peakBytes'),
    times: Object.fromEntries(peers.map(([name, time]) => [name, time / own])),
    analysisNsPerEvent: median(analysisNs) / events,
    timesWalk: median(analysisNs) / median(walkNs),
    stages: output(built('stages/stages_bench'), base, String(rounds)),
  };
}

function printComparison(c: Comparison): void {
  console.log(`\n${c.trace}: ${c.events.toLocaleString('en-US')} records, medians of ${flags.rounds} rounds`);
  for (const [name, seconds] of Object.entries(c.seconds)) {
    const times = c.times[name];
    const ratio = times === undefined ? '' : `${times.toFixed(1)} times blkscope's`;
    const peak = `${((c.peakBytes[name] ?? 0) / 2 ** 20).toFixed(0)} MiB`;
    console.log(`  ${name.padEnd(18)}${seconds.toFixed(3).padStart(8)} s${peak.padStart(10)}  ${ratio}`);
  }
  console.log(
    `  analysis thread: ${c.analysisNsPerEvent.toFixed(1)} ns an event, ${c.timesWalk.toFixed(1)} x a bare walk over the files`,
  );
  console.log(`  in memory, each stage with those before it:\n${c.stages.replace(/^/gm, '    ').trimEnd()}`);
}

/** What an event costs, and the memory, as traces get longer. */
function lengths(most: number, rounds: number): Length[] {
  console.log('\nharsh, 2 CPUs, by length: CPU time of the analysis, and peak memory of the whole process');
  const found: Length[] = [];
  for (let events = 100_000; events <= most; events *= 10) {
    const base = generate('harsh', events, 2);
    const costs = Array.from({ length: rounds }, () => importOnce(base));
    discard(base);
    const length = {
      events,
      nsPerEvent: median(costs.map(({ analysisNs }) => analysisNs)) / events,
      peakBytes: median(costs.map(({ peakBytes }) => peakBytes)),
    };
    found.push(length);
    const size = events.toLocaleString('en-US').padStart(13);
    console.log(
      `${size} events ${length.nsPerEvent.toFixed(1)} ns an event ${(length.peakBytes / 2 ** 20).toFixed(1)} MiB`,
    );
  }
  return found;
}

try {
  build();
  const [events, rounds, most] = [flags.events, flags.rounds, flags.most].map(Number) as [
    number,
    number,
    number,
  ];
  const comparisons: Comparison[] = [];
  for (const [kind, streams] of [
    ['harsh', 2],
    ['harsh', 16],
    ['easy', 2],
    ['easy', 16],
  ] as const) {
    const trace = `${kind}-${streams}`;
    if (flags.only && flags.only !== trace) continue;
    const base = generate(kind, events, streams);
    const comparison = compare(trace, base, rounds);
    discard(base);
    comparisons.push(comparison);
    printComparison(comparison);
  }
  const byLength = flags.only && flags.only !== 'length' ? [] : lengths(most, rounds);
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify({ comparisons, byLength }, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}

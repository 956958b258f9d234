// The whole analysis of a saved trace beside blktrace's own tools and beside a bare walk over its records.
//
//   npm run bench:analyse -- [--quick] [--events N] [--rounds N] [--only NAME] [--most N] [--json FILE]
//
// Four traces (harsh and easy, of 2 and 16 CPUs) of N events each (default 3,000,000, of the first 6,300,000), made anew. All
// programs take turns in every round. What is compared are times of whole processes, of blkscope's less Node's own start. Output goes to
// /dev/null. Then what an event costs, and the peak memory, from 100,000 events to --most (default 10,000,000; 100,000,000
// takes 5 GB of $TMPDIR). --rounds: default 3; blkparse takes a quarter of a minute a round. --only: one trace, or
// 'length'. --quick: one trace of 500,000 events. Needs blktrace's programs and the build (npm run build).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, built, output, root } from '../programs.js';
import type { Comparison, Cost, Costs, Length, Shapes } from '../results.js';
import { spread } from '../spread.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    events: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    most: { type: 'string' },
    json: { type: 'string' },
  },
});
const rounds = Number(flags.rounds ?? 3);
const most = Number(flags.most ?? (flags.quick ? 1_000_000 : 10_000_000));
const only = flags.only;
const cli = join(root, 'dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'blkscope-bench-'));

const measure = (...command: string[]): Cost => JSON.parse(output(built('analyse/measure'), command, folder));

function spreads(costs: readonly Cost[]): Costs {
  const of = (key: keyof Cost) => spread(costs.map((cost) => cost[key]));
  return { seconds: of('seconds'), cpuSeconds: of('cpuSeconds'), peakBytes: of('peakBytes') };
}

function generate(kind: string, count: number, streams: number): string {
  const base = join(folder, `${kind}-${streams}`);
  output(built('analyse/generate_trace'), [base, String(count), String(streams), kind]);
  return base;
}

function discard(base: string): void {
  for (let cpu = 0; cpu < 16; ++cpu) rmSync(`${base}.blktrace.${cpu}`, { force: true });
}

/** An import with full analysis and without the database; the analysis threads' CPU time is in the summary. */
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
  const sum = (key: 'seconds' | 'cpuSeconds') => parts.reduce((total, part) => total + part[key], 0);
  const peakBytes = Math.max(...parts.map((part) => part.peakBytes));
  return { seconds: sum('seconds'), cpuSeconds: sum('cpuSeconds'), peakBytes };
}

const csvFormat = '%T.%9t,%d,%C,%a,%S,%n,%p,%e\\n';

function compare(trace: string, base: string): Comparison {
  const analysisNs: number[] = [];
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
  const walks: { records: number; ns: number }[] = [];
  const costs = Object.fromEntries(Object.keys(programs).map((name) => [name, [] as Cost[]]));
  for (let round = 0; round < rounds; ++round) {
    for (const [name, program] of Object.entries(programs)) costs[name]?.push(program());
    walks.push(JSON.parse(output(built('analyse/walk_trace'), [base])));
  }
  const records = walks[0]?.records ?? 0;
  const measured: { name: string; ns: number[] }[] = JSON.parse(
    output(built('stages/stages_bench'), [base, String(rounds)]),
  );
  const stages = measured.map(({ name, ns }) => ({ name, ns: spread(ns) }));
  const ofRegions = ({ name }: { name: string }) => name.endsWith(' regions');
  return {
    ...{ trace, events: records, rounds },
    programs: Object.fromEntries(Object.entries(costs).map(([name, all]) => [name, spreads(all)])),
    analysisNsPerEvent: spread(analysisNs.map((ns) => ns / records)),
    walkNsPerEvent: spread(walks.map(({ ns }) => ns / records)),
    stages: stages.filter((stage) => !ofRegions(stage)),
    regions: stages.filter(ofRegions),
  };
}

function printComparison(c: Comparison): void {
  console.log(`\n${c.trace}: ${c.events.toLocaleString('en-US')} records, medians of ${rounds} rounds`);
  const own = (c.programs.blkscope?.seconds.median ?? 0) - (c.programs.node?.seconds.median ?? 0);
  for (const [name, { seconds, peakBytes }] of Object.entries(c.programs)) {
    const ratio = name.startsWith('blkparse') ? `${(seconds.median / own).toFixed(1)} times blkscope's` : '';
    const peak = `${(peakBytes.median / 2 ** 20).toFixed(0)} MiB`;
    console.log(
      `  ${name.padEnd(18)}${seconds.median.toFixed(3).padStart(8)} s${peak.padStart(10)}  ${ratio}`,
    );
  }
  const walk = c.analysisNsPerEvent.median / c.walkNsPerEvent.median;
  console.log(
    `  both threads: ${c.analysisNsPerEvent.median.toFixed(1)} ns an event, ${walk.toFixed(1)} x a bare walk over the files`,
  );
  for (const { name, ns } of [...c.stages, ...c.regions])
    console.log(`  in memory, up to ${name.padEnd(14)}${ns.median.toFixed(2).padStart(8)} ns an event`);
}

/** What an event costs, and the memory, as traces get longer. */
function lengths(): Length[] {
  console.log('\nharsh, 2 CPUs, by length: CPU time of the analysis, and peak memory of the whole process');
  const found: Length[] = [];
  for (let count = 100_000; count <= most; count *= 10) {
    const base = generate('harsh', count, 2);
    const costs = Array.from({ length: rounds }, () => importOnce(base));
    discard(base);
    const nsPerEvent = spread(costs.map(({ analysisNs }) => analysisNs / count));
    const { peakBytes } = spreads(costs);
    found.push({ events: count, nsPerEvent, peakBytes });
    const size = count.toLocaleString('en-US').padStart(13);
    const mib = (peakBytes.median / 2 ** 20).toFixed(1);
    console.log(`${size} events ${nsPerEvent.median.toFixed(1)} ns an event ${mib} MiB`);
  }
  return found;
}

const traces = flags.quick
  ? ([['harsh', 2, 500_000]] as const)
  : ([
      ['harsh', 2, 6_300_000],
      ['harsh', 16, 3_000_000],
      ['easy', 2, 3_000_000],
      ['easy', 16, 3_000_000],
    ] as const);

try {
  build('generate_trace', 'walk_trace', 'measure', 'stages_bench');
  const comparisons: Comparison[] = [];
  for (const [kind, streams, usual] of traces) {
    const trace = `${kind}-${streams}`;
    if (only && only !== trace) continue;
    const base = generate(kind, Number(flags.events ?? usual), streams);
    const comparison = compare(trace, base);
    discard(base);
    comparisons.push(comparison);
    printComparison(comparison);
  }
  const byLength = only && only !== 'length' ? [] : lengths();
  const result: Shapes['analyse'] = { comparisons, byLength };
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}

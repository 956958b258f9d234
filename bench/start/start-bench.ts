// How long commands and modules take to start, beside Node alone and beside blkparse on the same short trace.
//   npm run bench:start -- [--quick] [--rounds N] [--json FILE]
// Whole processes in turns, default 15 rounds; --quick: 5. Modules are loaded by the name that a package's user gives
// (blkscope/store). Needs the build (npm run build) and blkparse.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, built, output, root } from '../programs.js';
import type { Cost, Shapes } from '../results.js';
import { spread } from '../spread.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    json: { type: 'string' },
  },
});
const rounds = Number(flags.rounds ?? (flags.quick ? 5 : 15));
const folder = mkdtempSync(join(tmpdir(), 'blkscope-bench-'));
const node = process.execPath;
const cli = join(root, 'dist/cli/main.js');
const trace = join(folder, 'short');
const run = join(folder, 'run');
/** Runs that there are, with their events. */
const kept = [join(folder, 'kept'), join(folder, 'other')] as const;

const loads = (name: string) => [node, '--input-type=module', '-e', `await import('${name}')`];

/** What is started, by its name; the first is Node alone, which all but blkparse include. */
const programs: Record<string, string[]> = {
  node: [node, '-e', '0'],
  'blkscope --version': [node, cli, '--version'],
  'blkscope report --help': [node, cli, 'report', '--help'],
  'blkscope run --help': [node, cli, 'run', '--help'],
  'blkscope import, 40 events': [node, cli, 'import', '--no-store', '--json', '-o', run, trace],
  'blkscope import, 40 events, with the store': [node, cli, 'import', '--json', '-o', run, trace],
  'blkscope report': [node, cli, 'report', kept[0]],
  'blkscope compare, 2 runs': [node, cli, 'compare', ...kept],
  'blkscope query': [node, cli, 'query', kept[0], 'SELECT count(*) FROM event'],
  'blkparse, 40 events': ['blkparse', '-i', trace],
  'blkscope/sectors': loads('blkscope/sectors'),
  'blkscope/capture': loads('blkscope/capture'),
  'blkscope/store': loads('blkscope/store'),
  blkscope: loads('blkscope'),
};

function once(command: readonly string[]): Cost {
  const cost: Cost = JSON.parse(output(built('analyse/measure'), command, root));
  rmSync(run, { recursive: true, force: true });
  return cost;
}

try {
  build('generate_trace', 'measure');
  output(built('analyse/generate_trace'), [trace, '40', '2', 'harsh']);
  for (const path of kept) output(node, [cli, 'import', '-o', path, trace]);
  const costs = new Map<string, Cost[]>(Object.keys(programs).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, command] of Object.entries(programs)) costs.get(name)?.push(once(command));
  const measured = [...costs].map(([name, all]) => ({
    name,
    seconds: spread(all.map(({ seconds }) => seconds)),
    cpuSeconds: spread(all.map(({ cpuSeconds }) => cpuSeconds)),
    peakBytes: spread(all.map(({ peakBytes }) => peakBytes)),
  }));
  for (const { name, seconds, peakBytes } of measured) {
    const ms = `${(seconds.median * 1000).toFixed(1)} ms`;
    const mib = `${(peakBytes.median / 2 ** 20).toFixed(0)} MiB`;
    console.log(`${name.padEnd(46)}${ms.padStart(12)}${mib.padStart(12)}`);
  }
  const result: Shapes['start'] = { rounds, programs: measured };
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}

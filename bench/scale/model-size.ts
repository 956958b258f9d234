import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deviceNumber } from '../../dist/machine/machine.js';
import { locateFiles } from '../../dist/machine/traced-files.js';
import { readModel } from '../../dist/model/gguf.js';
import { modelRegions } from '../../dist/model/regions.js';
import { root } from '../programs.js';
import type { ByModelSize, CommandCost } from '../results.js';
import { writeTokenTrace } from './model-trace.js';
import { type Mixture, pageWithin, writePages, writeSparseModel } from './sparse-model.js';
import { blkscope, measure, requireDisk, tell } from './workbench.js';

/** About 100, 1,000, 10,000 and 70,000 regions; and the last ones again, of as many tensors. */
const sizes: readonly Mixture[] = [
  { layers: 4, experts: 8, stacked: true },
  { layers: 10, experts: 32, stacked: true },
  { layers: 26, experts: 128, stacked: true },
  { layers: 60, experts: 384, stacked: true },
  { layers: 60, experts: 384, stacked: false },
];

/** A query of each table that regions make long. */
const queries = {
  coverage: 'SELECT count(*), sum(unique_bytes) FROM tensor_coverage',
  touches: 'SELECT token, count(*) FROM touch_map GROUP BY token ORDER BY token LIMIT 5',
  experts: 'SELECT layer, expert, count(*) FROM expert_touch GROUP BY ALL ORDER BY 3 DESC LIMIT 5',
  io: 'SELECT layer, count(*) FROM io GROUP BY layer ORDER BY layer LIMIT 5',
};

/** Every command that looks at a model or at a run of one, in the order in which they need each other. */
export function commandsOn(folder: string): [name: string, words: string[]][] {
  const run = 'run';
  return [
    ['map', ['map', 'model.gguf']],
    ['map --tensors', ['map', 'model.gguf', '--tensors']],
    ['map --json', ['map', 'model.gguf', '--json']],
    ['import --model', ['import', '--in-order', 'trace', '--model', 'model.gguf', '-o', 'imported']],
    ['report', ['report', run]],
    ['report --regions', ['report', run, '--regions']],
    ['report --section experts', ['report', run, '--section', 'experts']],
    ['report --html', ['report', run, '--html', join(folder, 'page.html')]],
    ...Object.entries(queries).map(([name, sql]): [string, string[]] => [
      `query ${name}`,
      ['query', run, sql],
    ]),
    ['compare', ['compare', run, 'imported']],
    ['compare --html', ['compare', run, 'imported', '--html', join(folder, 'compare.html')]],
    ['advise', ['advise', run]],
    ['curve', ['curve', run]],
    ['plot --kind access', ['plot', run, '--kind', 'access', '-o', join(folder, 'access.svg')]],
    ['plot --kind experts', ['plot', run, '--kind', 'experts', '-o', join(folder, 'experts.svg')]],
    ['export parquet', ['export', run, '--format', 'parquet', '-o', 'dataset']],
    ['export csv, io', ['export', run, '--format', 'csv', '--table', 'io', '-o', 'io.csv']],
    ['export perfetto', ['export', run, '--format', 'perfetto', '-o', 'run.json']],
    ['export blktrace', ['export', run, '--format', 'blktrace', '-o', 'exported']],
  ];
}

/** `events`: of each trace at most. */
export async function byModelSize(
  folder: string,
  events: number,
  count = sizes.length,
): Promise<ByModelSize[]> {
  const found: ByModelSize[] = [];
  for (const mixture of sizes.slice(0, count)) {
    const place = join(folder, `model-${found.length}`);
    found.push(await ofMixture(place, mixture, events));
    rmSync(place, { recursive: true });
  }
  return found;
}

async function ofMixture(folder: string, mixture: Mixture, events: number): Promise<ByModelSize> {
  requireDisk(dirname(folder), 2e9);
  const { model, regions, trace } = await prepare(folder, mixture, events);
  const tensors = new Set(regions.map(({ tensor }) => tensor)).size;
  console.log(
    `${regions.length} regions, ${tensors} tensors, ${(model / 2 ** 40).toFixed(2)} TiB, ${trace.tokensNs.length} tokens`,
  );
  const commands: CommandCost[] = [];
  const add = (name: string, run: () => ReturnType<typeof measure>) => {
    try {
      const cost = run();
      tell(name, cost);
      commands.push({ name, ...cost });
    } catch (error) {
      console.log(`  ${name}: ${(error as Error).message.trim().split('blkscope: ').at(-1)}`);
      commands.push({ name, seconds: Number.NaN, cpuSeconds: Number.NaN, peakBytes: Number.NaN });
    }
  };
  const marked = ['--import', 'tsx', join(root, 'bench/scale/marked-run.ts')];
  const places = ['model.gguf', 'trace', 'run', 'tokens.json'].map((name) => join(folder, name));
  add('run', () => measure(root, process.execPath, ...marked, ...places));
  for (const [name, words] of commandsOn(folder)) add(name, () => blkscope(folder, ...words));
  return {
    regions: regions.length,
    tensors,
    bytes: model,
    events: trace.events,
    tokens: trace.tokensNs.length,
    commands,
  };
}

async function prepare(folder: string, mixture: Mixture, events: number) {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'model.gguf');
  const bytes = writeSparseModel(path, mixture);
  const regions = modelRegions(await readModel(path));
  writePages(
    path,
    regions.flatMap(({ tensor, offset, bytes: size }) =>
      tensor === null ? [] : (pageWithin(offset, size) ?? []),
    ),
  );
  const device = deviceNumber(locateFiles([path]).disk);
  const trace = writeTokenTrace(join(folder, 'trace'), path, device, regions, events);
  writeFileSync(join(folder, 'tokens.json'), JSON.stringify(trace.tokensNs));
  return { model: bytes, regions, trace };
}

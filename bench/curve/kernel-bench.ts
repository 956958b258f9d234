// How near the curve's column for the kernel comes to what runs with so much memory really read.
//
//   npm run bench:curve-kernel -- [--folder FOLDER] [--tokens N] [--llama PROGRAM]
//
// For a dense model and a mixture: a run with memory enough, whose touches are watched, then a run under each of three limits. A line a
// limit: what the run read for a token, what the curve says for that memory, and how far they are apart. FOLDER must be on a disk.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { memoryForModel } from '../../src/bound/bound.js';
import {
  curve,
  type ExperimentOptions,
  formatSize,
  runExperiment,
  type SynthesizeOptions,
  synthesizeModel,
} from '../../src/index.js';

const models: { name: string; shape: SynthesizeOptions; shares: number[] }[] = [
  { name: 'dense', shape: { preset: 'demo', bytes: 500e6 }, shares: [0.6, 0.75, 0.9] },
  {
    name: 'mixture',
    shape: { preset: 'gpt-oss-20b', bytes: 1.2e9, router: { zipf: 1 } },
    shares: [0.4, 0.6, 0.8],
  },
];

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/curve-bench' },
    tokens: { type: 'string', default: '40' },
    llama: { type: 'string' },
    only: { type: 'string' },
  },
});
const tokens = Number(values.tokens);
mkdirSync(values.folder, { recursive: true });

async function made(model: string, name: string, options: Partial<ExperimentOptions>) {
  const { run, problem } = await runExperiment({
    ...{ model, output: join(values.folder, `${name}-${process.pid}`), mount: true, workload: { tokens } },
    ...(values.llama ? { llama: values.llama } : {}),
    ...options,
  });
  if (problem) throw problem;
  return run;
}

for (const { name, shape, shares } of models.filter((each) => !values.only || each.name === values.only)) {
  const path = join(values.folder, `${name}.gguf`);
  const { bytes } = await synthesizeModel(path, { ...shape });
  const watched = await made(path, name, { touches: true });
  const own = (watched.summary.workload?.rssAnonBytes ?? 0) + 16 * 2 ** 20;
  for (const share of shares) {
    const limit = Math.round(bytes * share + own);
    const run = await made(path, `${name}-${share}`, { pressure: { mode: 'limit', bytes: limit } });
    const memory = memoryForModel(run.summary) as number;
    const readAheadKib = run.summary.memory.readAheadKib ?? 128;
    const told = await curve(watched, { memory: [memory], readAheadKib });
    const read = run.summary.phases?.generation?.bytesPerToken ?? Number.NaN;
    const kernel = told.points[0]?.blocks?.kernel ?? Number.NaN;
    const apart = `${(((kernel - read) / read) * 100).toFixed(1)} %`;
    const size = (value: number) => formatSize(Math.round(value)).padStart(10);
    process.stdout.write(
      `${name.padEnd(8)} memory ${size(memory)} of ${size(bytes)}: read ${size(read)} a token, the curve says ${size(kernel)}: ${apart}\n`,
    );
  }
}

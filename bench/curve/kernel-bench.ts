// How near the curve's column for the kernel comes to what runs with so much memory really read.
//
//   npm run bench:curve-kernel -- [--folder FOLDER] [--tokens N] [--repeats N] [--only dense|mixture] [--llama PROGRAM]
//
// For a dense model and a mixture: a run with memory enough, whose touches are watched, then some runs under each of three limits. A
// line a limit: the median of what the runs read for a token and what they spread over, the same of the curve's plays for that
// memory, and how far the medians are apart. FOLDER must be on a disk.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { memoryForModel } from '../../src/bound/bound.js';
import {
  type BlockReads,
  type CurvePoint,
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
    shape: { preset: 'gpt-oss-1b', router: { zipf: 1 } },
    shares: [0.4, 0.6, 0.8],
  },
];

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/curve-bench' },
    tokens: { type: 'string', default: '40' },
    repeats: { type: 'string', default: '5' },
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

/** What runs under a limit read for a token, ascending, and the memory and readahead that they had. */
async function measured(path: string, name: string, limit: number) {
  const reads: number[] = [];
  let [memory, readAheadKib] = [Number.NaN, 128];
  for (let repeat = 0; repeat < Number(values.repeats); ++repeat) {
    const { summary } = await made(path, `${name}-${repeat}`, { pressure: { mode: 'limit', bytes: limit } });
    memory = memoryForModel(summary) as number;
    readAheadKib = summary.memory.readAheadKib ?? readAheadKib;
    reads.push(summary.phases?.generation?.bytesPerToken ?? Number.NaN);
  }
  return { reads: reads.sort((a, b) => a - b), memory, readAheadKib };
}

const size = (value = Number.NaN) => formatSize(Math.round(value));

for (const { name, shape, shares } of models.filter((each) => !values.only || each.name === values.only)) {
  const path = join(values.folder, `${name}.gguf`);
  const { bytes } = await synthesizeModel(path, { ...shape });
  const watched = await made(path, name, { touches: true });
  const own = (watched.summary.workload?.rssAnonBytes ?? 0) + 16 * 2 ** 20;
  for (const share of shares) {
    const { reads, memory, readAheadKib } = await measured(
      path,
      `${name}-${share}`,
      Math.round(bytes * share + own),
    );
    const told = await curve(watched, { memory: [memory], readAheadKib });
    const { kernel, kernelLeast, kernelMost } = (told.points[0] as CurvePoint).blocks as BlockReads;
    const median = reads[reads.length >> 1] as number;
    const apart = (((kernel - median) / median) * 100).toFixed(1);
    process.stdout.write(
      `${name} memory ${size(memory)} of ${size(bytes)}: read ${size(median)} a token (${size(reads[0])} to ${size(reads.at(-1))}), ` +
        `the curve says ${size(kernel)} (${size(kernelLeast)} to ${size(kernelMost)}): ${apart} %\n`,
    );
  }
}

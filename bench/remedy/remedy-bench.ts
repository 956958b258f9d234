// What pinning and readahead give: a model as is, locked from the file's start, pinned without and with a plan, and as
// `advise` advises, interleaved, beside the bound. Traced runs, of what `npm run build` built.
//   npm run bench:remedy -- [--models dense,zipf2] [--memory 85,60,40] [--readahead 128,1024,disk] [--rounds 3]
//       [--tokens 12] [--dir build/remedy] [--llama PROGRAM] [--seconds 150] [--report]
// Results are kept in DIR/results.json after every run; started again, only what is missing is run. --seconds ends it
// after the run that exceeds them; --report prints the tables alone.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Advice,
  advise,
  type Change,
  type ExperimentOptions,
  openRun,
  type Run,
  readModel,
  runExperiment,
  type Summary,
  synthesizeModel,
} from '../../dist/index.js';
import { locateFiles } from '../../dist/machine/traced-files.js';
import { readAheadKib as currentReadAhead } from '../../dist/memory/readahead.js';
import {
  type Cell,
  cellName,
  type Measurement,
  type ModelName,
  models,
  type Variant,
  variants,
} from './cells.js';
import { tables } from './tables.js';

const { values: flags } = parseArgs({
  options: {
    models: { type: 'string', default: 'dense,zipf2,uniform' },
    memory: { type: 'string', default: '85,60,40' },
    readahead: { type: 'string', default: '128,1024,disk' },
    rounds: { type: 'string', default: '3' },
    tokens: { type: 'string', default: '12' },
    dir: { type: 'string', default: 'build/remedy' },
    llama: { type: 'string', default: 'embedded' },
    seconds: { type: 'string', default: '1000000' },
    report: { type: 'boolean', default: false },
  },
});
const { dir, llama } = flags;
const rounds = Number(flags.rounds);
const until = performance.now() + Number(flags.seconds) * 1000;
mkdirSync(dir, { recursive: true });
const resultsPath = join(dir, 'results.json');
const results: Measurement[] = existsSync(resultsPath) ? JSON.parse(readFileSync(resultsPath, 'utf8')) : [];

const advices = new Map<string, Advice>();

async function measureAll(): Promise<void> {
  for (const cell of await cells()) {
    for (let round = 1; round <= rounds; round++) {
      for (const variant of variants) {
        if (results.some((one) => isOf(one, cell, variant) && one.round === round)) continue;
        if (performance.now() > until) return;
        const measured = await measure(cell, variant, round);
        if (!measured) continue;
        results.push(measured);
        writeFileSync(resultsPath, JSON.stringify(results, null, 1));
      }
    }
  }
}

async function cells(): Promise<Cell[]> {
  const all: Cell[] = [];
  for (const model of flags.models.split(',') as ModelName[]) {
    const path = await modelPath(model);
    const { disk } = locateFiles([path]);
    for (const memoryPercent of flags.memory.split(',').map(Number)) {
      for (const text of flags.readahead.split(',')) {
        const readAheadKib = text === 'disk' ? currentReadAhead(disk) : Number(text);
        all.push({ model, memoryPercent, readAheadKib });
      }
    }
  }
  return all;
}

async function modelPath(name: ModelName): Promise<string> {
  const path = join(dir, `${name}.gguf`);
  if (!existsSync(path)) await synthesizeModel(path, models[name].synthesize);
  return path;
}

function isOf(one: Measurement, cell: Cell, variant: Variant): boolean {
  return cellName(one) === cellName(cell) && one.variant === variant;
}

/** null where the variant is none of its own: a dense model needs no plan. */
async function measure(cell: Cell, variant: Variant, round: number): Promise<Measurement | null> {
  const asIs = join(dir, `as-is ${cellName(cell)}`);
  if (!existsSync(asIs) && !(await runCell(cell, {}, asIs))) {
    rmSync(asIs, { recursive: true });
    return null;
  }
  const advice = await adviceOn(cell, asIs);
  const { model } = cell;
  if (variant === 'pin, plan' && model === 'dense') return null;
  const change = changeOf(advice, variant);
  if (variant !== 'as is' && !change) return null;
  const { readAheadKib, pinBytes, stream } = change?.conditions ?? {};
  const touches = model === 'dense' ? asIs : profilePath(model);
  const plan = variant === 'pin, plan' || variant === 'advised' ? { plan: touches } : {};
  const order = variant === 'from start' ? ({ order: 'file' } as const) : {};
  const output = join(dir, `run-${process.pid}`);
  const changes = {
    ...(readAheadKib === undefined ? {} : { readAheadKib }),
    ...(pinBytes === undefined
      ? {}
      : { pin: stream ? { bytes: pinBytes, stream } : { bytes: pinBytes, ...plan, ...order } }),
  };
  const summary =
    round === 1 && variant === 'as is' ? await summaryOf(asIs) : await runCell(cell, changes, output);
  if (!summary) return null;
  const { workload, bound, memory } = summary;
  const foreseen =
    variant === 'pin, plan' || variant === 'advised' || (variant === 'pin' && model === 'dense');
  const measured: Measurement = {
    ...cell,
    ...{ variant, round },
    tokensPerSecond: workload?.tokensPerSecond ?? Number.NaN,
    bytesPerToken: workload?.bytesPerToken ?? Number.NaN,
    pinnedBytes: memory.pinnedBytes,
    foreseenBytesPerToken: foreseen ? (change?.bytesPerToken.likely ?? null) : null,
    foreseenTokensPerSecond: foreseen ? (change?.tokensPerSecond.likely ?? null) : null,
    boundTokensPerSecond: bound?.tokensPerSecond ?? Number.NaN,
    computeTokensPerSecond: bound && bound.computeNsPerToken > 0 ? 1e9 / bound.computeNsPerToken : null,
    title: variant === 'advised' ? (change?.title ?? null) : null,
  };
  rmSync(output, { recursive: true, force: true });
  const speed = `${measured.tokensPerSecond.toFixed(2)} tokens/s, ${(measured.bytesPerToken / 2 ** 20).toFixed(1)} MiB per token`;
  process.stderr.write(`${cellName(cell)}, ${variant}, round ${round}: ${speed}\n`);
  return measured;
}

/** Pins hold what `advise` calls the most; `advised` is the best that needs no more memory. */
function changeOf({ changes }: Advice, variant: Variant): Change | undefined {
  const free = changes.filter(({ conditions }) => conditions.memoryBytes === undefined);
  if (variant === 'as is') return undefined;
  if (variant === 'advised') return free[0];
  return free
    .filter(({ conditions }) => conditions.pinBytes !== undefined && conditions.readAheadKib === undefined)
    .sort((a, b) => (b.conditions.pinBytes ?? 0) - (a.conditions.pinBytes ?? 0))[0];
}

async function adviceOn(cell: Cell, asIs: string): Promise<Advice> {
  const known = advices.get(asIs);
  if (known) return known;
  await using run = await openRun(asIs);
  await using touches = cell.model === 'dense' ? null : await profile(cell.model);
  const advice = await advise(run, touches ? { touches } : {});
  advices.set(asIs, advice);
  return advice;
}

function profilePath(model: ModelName): string {
  return join(dir, `profile ${model}`);
}

/** Which experts tokens use: other tokens than those of the cells, as a plan from an earlier run would have. */
async function profile(model: ModelName): Promise<Run> {
  const output = profilePath(model);
  if (existsSync(output)) return await openRun(output);
  const { run } = await runExperiment({
    ...{ model: await modelPath(model), llama, output, mount: true },
    workload: { ...workloadOf(model), tokens: 2 * Number(flags.tokens), seed: 2 },
    profileTouches: true,
  });
  return run;
}

function workloadOf(model: ModelName): { tokens: number; threads: number } {
  return { tokens: Number(flags.tokens), threads: models[model].threads };
}

/** A traced run under the cell's conditions; null when the workload failed: the next start tries again. */
async function runCell(
  cell: Cell,
  changes: Partial<ExperimentOptions>,
  output: string,
): Promise<Summary | null> {
  const path = await modelPath(cell.model);
  const { bytes } = await readModel(path);
  rmSync(output, { recursive: true, force: true });
  const { run, problem } = await runExperiment({
    model: path,
    ...{ llama, output, mount: true },
    workload: workloadOf(cell.model),
    pressure: { mode: 'limit', bytes: Math.round((bytes * cell.memoryPercent) / 100) },
    readAheadKib: cell.readAheadKib,
    ...changes,
  });
  if (!problem) return run.summary;
  process.stderr.write(`${cellName(cell)}: ${problem.message}\n`);
  return null;
}

async function summaryOf(path: string): Promise<Summary> {
  await using run = await openRun(path);
  return run.summary;
}

if (!flags.report) await measureAll();
process.stdout.write(tables(results));

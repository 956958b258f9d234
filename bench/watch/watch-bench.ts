// What --touches and --account cost the run that they watch: the same runs with and without, by turns.
//
//   npm run bench:watch -- [--folder FOLDER] [--rounds N] [--tokens N] [--only TURN] [--llama PROGRAM]
//
// A line a turn: the medians of the rounds, the least and the most.
//   touches         memory enough: tokens/s of what is not profiled, and how long a profiled token takes
//   touches-4k      the same on folios of 4 KiB, which a readahead of 4 KiB brings about: a page of the model is a fault each
//   touches-experts a mixture of 1.5 GB, whose experts make it many small pieces
//   account         memory enough: tokens/s
//   account-limit   memory for 85 % of the model, as in the demo's second run: tokens/s while pages come and go
// FOLDER must be on a disk; the demo's model and the mixture are made there.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ExperimentOptions, runExperiment, type Summary, synthesizeModel } from '../../src/index.js';
import { spread } from '../spread.js';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/watch-bench' },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '24' },
    only: { type: 'string' },
    llama: { type: 'string' },
  },
});
mkdirSync(values.folder, { recursive: true });
const model = join(values.folder, 'demo.gguf');
if (!existsSync(model)) await synthesizeModel(model, { preset: 'demo' });
const mixture = join(values.folder, 'mixture.gguf');
const limit: Partial<ExperimentOptions> = { pressure: { mode: 'limit', bytes: 485 * 2 ** 20 } };

const turns: Record<string, { both: Partial<ExperimentOptions>; watched: Partial<ExperimentOptions> }> = {
  touches: { both: {}, watched: { touches: true } },
  'touches-4k': { both: { readAheadKib: 4 }, watched: { touches: true } },
  'touches-experts': { both: { model: mixture }, watched: { touches: true } },
  account: { both: {}, watched: { account: true } },
  'account-limit': { both: limit, watched: { account: true } },
};

let runs = 0;
async function made(options: Partial<ExperimentOptions>): Promise<Summary> {
  const { run, problem } = await runExperiment({
    ...{ model, output: join(values.folder, `${process.pid}-${++runs}`), mount: true },
    workload: { tokens: Number(values.tokens) },
    ...(values.llama ? { llama: values.llama } : {}),
    ...options,
  });
  if (problem) throw problem;
  return run.summary;
}

/** Of one round: the watched run's tokens/s by the other's, and how much longer a profiled token took than one that was not. */
function ratios(plain: Summary, { workload, touches }: Summary) {
  const { profiledNsPerToken, unprofiledNsPerToken } = touches ?? {};
  return {
    speed: (workload?.tokensPerSecond ?? Number.NaN) / (plain.workload?.tokensPerSecond ?? Number.NaN),
    profiled: profiledNsPerToken && unprofiledNsPerToken ? profiledNsPerToken / unprofiledNsPerToken : null,
  };
}

function told(all: readonly number[]): string {
  const { median, least, most } = spread(all);
  return `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

for (const [name, { both, watched }] of Object.entries(turns)) {
  if (values.only && values.only !== name) continue;
  if (both.model && !existsSync(mixture))
    await synthesizeModel(mixture, { preset: 'gpt-oss-1b', bytes: 1.5e9 });
  const rounds: ReturnType<typeof ratios>[] = [];
  for (let round = 0; round < Number(values.rounds); ++round) {
    const plain = await made(both);
    rounds.push(ratios(plain, await made({ ...both, ...watched })));
  }
  const profiled = rounds.flatMap((each) => each.profiled ?? []);
  process.stdout.write(
    `${name}: watched runs make ${told(rounds.map(({ speed }) => speed))} times the tokens/s` +
      `${profiled.length > 0 ? `, a profiled token takes ${told(profiled)} times as long as another` : ''}\n`,
  );
}

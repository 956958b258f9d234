// What tracing does to the experiment itself: the same run untraced, under blkscope, and under other tracers into a tmpfs.
//   npm run bench:interference -- [--model FILE] [--llama PROGRAM] [--limit MIB] [--quick] [--rounds N] [--tokens N] [--json FILE]
// 5 rounds, --quick: 2. Default: a model of random weights of 500 MB, made under build/, with 85 % of its size as the limit,
// and llama-bench of `node scripts/get-llama.mjs`. Tracers that this kernel refuses are left out. As root.
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { synthesizeModel } from '../../dist/index.js';
import { root } from '../programs.js';
import { inTurns, told } from './in-turns.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    model: { type: 'string', default: join(root, 'build/bench/interference.gguf') },
    llama: { type: 'string', default: join(root, 'vendor/llama/bin/llama-bench') },
    limit: { type: 'string' },
    rounds: { type: 'string' },
    tokens: { type: 'string', default: '12' },
    json: { type: 'string' },
  },
});
const { model, llama } = flags;
if (!existsSync(model)) {
  mkdirSync(join(root, 'build/bench'), { recursive: true });
  await synthesizeModel(model, { preset: 'demo', bytes: 500e6 });
}
const result = await inTurns({
  model,
  llama,
  limitBytes: flags.limit ? Number(flags.limit) * 2 ** 20 : Math.round(statSync(model).size * 0.85),
  rounds: Number(flags.rounds ?? (flags.quick ? 2 : 5)),
  tokens: Number(flags.tokens),
});
console.log(told(result));
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);

import { Command, InvalidArgumentError, Option } from 'commander';
import type { Router } from '../model/synthesize.js';
import { presets, weightMixes } from '../model/synthetic-shape.js';
import type { SynthesizeFlags } from './handlers/synthesize.js';
import { count, positive, size } from './options.js';

export function synthesizeCommand(): Command {
  return new Command('synthesize')
    .addOption(
      new Option('--preset <shape>', 'the shape').choices(Object.keys(presets)).makeOptionMandatory(),
    )
    .requiredOption('-o, --output <file>', 'the GGUF file to write')
    .addOption(
      new Option('--bytes <size>', 'its size, which its number of layers brings about; default: the real one')
        .argParser(size)
        .conflicts('layers'),
    )
    .option('--layers <count>', 'its number of layers', positive)
    .addOption(
      new Option('--weights <mix>', "how weights are stored; default: the shape's own").choices(weightMixes),
    )
    .option(
      '--router <router>',
      "how a mixture's tokens spread over its experts: uniform, or zipf:EXPONENT (default: uniform)",
      router,
    )
    .option('--seed <number>', 'the same seed gives the same file (default: 1)', count)
    .option('--force', 'replace the file if it exists')
    .action(async (flags: SynthesizeFlags) => (await import('./handlers/synthesize.js')).synthesize(flags));
}

function router(text: string): Router {
  if (text === 'uniform') return text;
  const [, exponent] = /^zipf:(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (exponent !== undefined) return { zipf: Number(exponent) };
  throw new InvalidArgumentError(`'${text}' is not uniform or zipf:EXPONENT, such as zipf:1.2.`);
}

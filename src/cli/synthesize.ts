import { statSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { given } from '../experiment/trace-options.js';
import { BlkscopeError, formatSize, type SynthesizeOptions, synthesizeModel } from '../index.js';
import { type PresetName, presets, weightMixes } from '../model/synthetic-shape.js';
import { printable } from '../report/printable.js';
import { count, positive, size } from './options.js';
import { withSession } from './session.js';

type Router = NonNullable<SynthesizeOptions['router']>;

interface SynthesizeFlags {
  preset: PresetName;
  output: string;
  bytes?: number;
  layers?: number;
  weights?: SynthesizeOptions['weights'];
  router?: Router;
  seed?: number;
  force?: boolean;
}

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
    .action(synthesize);
}

async function synthesize({ output, force, ...flags }: SynthesizeFlags): Promise<void> {
  const there = statSync(output, { throwIfNoEntry: false });
  if (there && !there.isFile())
    throw new BlkscopeError('NOT_A_FILE', `${output}: not a regular file; name another place with -o`);
  if (there && !force)
    throw new BlkscopeError('EEXIST', `${output} exists already; name another file with -o, or give --force`);
  if (flags.router && flags.router !== 'uniform' && !presets[flags.preset].experts)
    throw new BlkscopeError('BAD_SHAPE', `--router: ${flags.preset} has no experts; leave the option out`);
  const made = await withSession(({ progress, signal }) => {
    progress.step(`make ${output}`);
    const { preset, bytes, layers, weights, router, seed } = flags;
    return synthesizeModel(output, {
      ...given({ preset, bytes, layers, weights, router, seed }),
      signal,
      onProgress: (written, total) => progress.update(`${formatSize(written)} of ${formatSize(total)}`),
    });
  });
  const { layers, experts, weights } = made;
  const mixture = experts ? `, ${experts.count} experts of which a token uses ${experts.used}` : '';
  process.stdout.write(
    `${process.stdout.isTTY ? printable(output) : output}: ${formatSize(made.bytes)}, ${layers} ${layers === 1 ? 'layer' : 'layers'}${mixture}, ${weights}\n`,
  );
}

function router(text: string): Router {
  if (text === 'uniform') return text;
  const [, exponent] = /^zipf:(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (exponent !== undefined) return { zipf: Number(exponent) };
  throw new InvalidArgumentError(`'${text}' is not uniform or zipf:EXPONENT, such as zipf:1.2.`);
}

import { lstatSync } from 'node:fs';
import { synthesizeModel } from '../../api/models.js';
import { BlkscopeError } from '../../errors.js';
import { given } from '../../experiment/trace-options.js';
import { formatSize } from '../../memory/size.js';
import type { Router, SynthesizeOptions } from '../../model/synthesize.js';
import { type PresetName, presets } from '../../model/synthetic-shape.js';
import { printable } from '../../report/printable.js';
import { withSession } from '../session.js';

export interface SynthesizeFlags {
  preset: PresetName;
  output: string;
  bytes?: number;
  layers?: number;
  weights?: SynthesizeOptions['weights'];
  router?: Router;
  seed?: number;
  force?: boolean;
}

export async function synthesize({ output, force, ...flags }: SynthesizeFlags): Promise<void> {
  // A link is there, whether it leads anywhere or not: it would be replaced itself.
  const there = lstatSync(output, { throwIfNoEntry: false });
  if (there && !there.isFile() && !there.isSymbolicLink())
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

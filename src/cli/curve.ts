import { Command, Option } from 'commander';
import type { CurveFlags } from './handlers/curve.js';
import { count, size } from './options.js';

export function curveCommand(): Command {
  return new Command('curve')
    .argument('[run]', 'the run folder')
    .addOption(
      new Option('--routes <file>', 'instead of a run: a CSV file with token, layer, expert on each line'),
    )
    .option(
      '--expert-size <size>',
      'with --routes: the size of an expert (default: memory is counted in experts)',
      size,
    )
    .option(
      '--memory <size>',
      'a memory for the model to ask for; may be repeated (default: ten steps)',
      (text: string, before: number[] = []) => [...before, size(text)],
    )
    .option('--readahead <kib>', "readahead of the kernel's cache (default: the run's own)", count)
    .option('--json', 'print everything as JSON')
    .action(async (path: string | undefined, flags: CurveFlags) =>
      (await import('./handlers/curve.js')).tellCurve(path, flags),
    );
}

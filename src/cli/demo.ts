import { Command } from 'commander';
import type { DemoFlags } from './handlers/demo.js';
import { count, size } from './options.js';

export function demoCommand(): Command {
  return new Command('demo')
    .option('--dir <dir>', 'folder for the model and the runs; it must be on a disk', 'runs')
    .option('--size <size>', 'size of the model (default: about 600 MB)', size)
    .option('-n, --tokens <count>', 'tokens to generate in each run', count, 24)
    .option('--keep-model', 'keep the model afterwards')
    .action(async (flags: DemoFlags) => (await import('./handlers/demo.js')).demo(flags));
}

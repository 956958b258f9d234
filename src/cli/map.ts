import { Command } from 'commander';
import type { MapFlags } from './handlers/map.js';

export function mapCommand(): Command {
  return new Command('map')
    .argument('<file>', 'a model, or any file')
    .option('--tensors', 'list every tensor')
    .option(
      '--defragment <copy>',
      'write a copy in as few pieces as the file system allows, and show that too',
    )
    .option('--json', 'print the maps as an array')
    .action(async (file: string, flags: MapFlags) =>
      (await import('./handlers/map.js')).showMap(file, flags),
    );
}

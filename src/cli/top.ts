import { Command } from 'commander';
import type { TopFlags } from './handlers/top.js';
import { positive } from './options.js';

export function topCommand(): Command {
  return new Command('top')
    .argument('[device]', 'a device, or a file on it (default: that of the working directory)')
    .option('--attach <pid>', 'show this process alone, on the disk of its largest file', positive)
    .option('--mount', 'mount tracefs and debugfs meanwhile where they are not mounted')
    .action(async (device: string | undefined, flags: TopFlags) =>
      (await import('./handlers/top.js')).showTop(device, flags),
    );
}

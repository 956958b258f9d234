import { Command } from 'commander';
import { environmentOption, size } from './options.js';

export function lockCommand(): Command {
  return new Command('lock')
    .argument('<size>', 'how much, such as 15G or 512MiB', size)
    .addOption(environmentOption())
    .argument('[command...]', 'after --: the command and its arguments')
    .action(async (bytes: number, command: string[], flags: { env?: string[] }) =>
      (await import('./handlers/lock.js')).holdLocked(bytes, command, flags),
    );
}

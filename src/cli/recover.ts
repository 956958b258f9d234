import { Command } from 'commander';

export function recoverCommand(): Command {
  return new Command('recover')
    .argument('[folder...]', 'where it wrote; half-written runs and exports there are removed', ['runs'])
    .action(async (folders: string[]) => (await import('./handlers/recover.js')).putBack(folders));
}

import { Command } from 'commander';
import { BlkscopeError, recover, removeLeftovers } from '../index.js';
import { printable } from '../report/printable.js';
import { print } from './screen.js';

export function recoverCommand(): Command {
  return new Command('recover')
    .argument('[folder...]', 'where it wrote; half-written runs and exports there are removed', ['runs'])
    .action((folders: string[]) => {
      const { undone, failed } = recover();
      const removed = folders.flatMap(removeLeftovers).map((path) => `removed half-written ${path}`);
      for (const line of [...undone, ...removed]) print(`${printable(line)}\n`);
      if (undone.length + removed.length + failed.length === 0) process.stdout.write('nothing to undo\n');
      if (failed.length > 0)
        throw new BlkscopeError('NOT_UNDONE', `could not undo: ${failed.join('; ')}`, 'busy');
    });
}

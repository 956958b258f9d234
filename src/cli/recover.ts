import { Command } from 'commander';
import { recover } from '../capture/recover.js';
import { BlkscopeError } from '../errors.js';

export function recoverCommand(): Command {
  return new Command('recover').description('undo what a killed session left on the machine').action(() => {
    const { undone, failed } = recover();
    for (const line of undone) process.stdout.write(`${line}\n`);
    if (undone.length === 0 && failed.length === 0) process.stdout.write('nothing to undo\n');
    if (failed.length > 0)
      throw new BlkscopeError('NOT_UNDONE', `could not undo: ${failed.join('; ')}`, 'busy');
  });
}

import { BlkscopeError } from '../../errors.js';
import { removeLeftovers } from '../../files/partial.js';
import { recover } from '../../machine/recover.js';
import { printable } from '../../report/printable.js';
import { print } from '../screen.js';

export function putBack(folders: string[]): void {
  const { undone, failed } = recover();
  const removed = folders.flatMap(removeLeftovers).map((path) => `removed half-written ${path}`);
  for (const line of [...undone, ...removed]) print(`${printable(line)}\n`);
  if (undone.length + removed.length + failed.length === 0) process.stdout.write('nothing to undo\n');
  if (failed.length > 0)
    throw new BlkscopeError('NOT_UNDONE', `could not undo: ${failed.join('; ')}`, 'busy');
}

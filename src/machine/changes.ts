import { native } from '../native/binding.js';
import type { NativeChanges } from '../native/changes.js';
import { putBackAtExit, type SignalOptions } from './put-back.js';
import { journalDirectory } from './recover.js';

/** By changes: what says that nothing of them is left to put back. */
const undone = new WeakMap<NativeChanges, () => void>();

/** Changes to the machine that `undoChanges` undoes together, or the end of the process; see NativeChanges. */
export function beginChanges(options: SignalOptions = {}): NativeChanges {
  const changes = new native.Changes(journalDirectory());
  undone.set(
    changes,
    putBackAtExit(() => undoChanges(changes), options),
  );
  return changes;
}

/** Undoes them. Throws what could not be undone, one line for all. */
export function undoChanges(changes: NativeChanges): void {
  const { failed } = changes.undo();
  if (failed.length > 0) throw new Error(failed.join('; '));
  undone.get(changes)?.();
}

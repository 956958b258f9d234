import { journalDirectory } from '../capture/recover.js';
import { type NativeChanges, native } from '../native.js';

/** A journal for changes to the machine that are undone together; see NativeChanges. */
export function beginChanges(): NativeChanges {
  return new native.Changes(journalDirectory());
}

/** Undoes them. Throws what could not be undone, one line for all. */
export function undoChanges(changes: NativeChanges): void {
  const { failed } = changes.undo();
  if (failed.length > 0) throw new Error(failed.join('; '));
}

import { native } from '../native/binding.js';
import type { NativeChanges } from '../native/changes.js';
import { journalDirectory } from './recover.js';

/** A journal for changes to the machine that are undone together; see NativeChanges. */
export function beginChanges(): NativeChanges {
  return new native.Changes(journalDirectory());
}

/** Undoes them. Throws what could not be undone, one line for all. */
export function undoChanges(changes: NativeChanges): void {
  const { failed } = changes.undo();
  if (failed.length > 0) throw new Error(failed.join('; '));
}

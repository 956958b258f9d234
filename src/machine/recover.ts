import { native } from '../native/binding.js';
import type { UndoReport } from '../native/changes.js';

/**
 * Where sessions write down what they change. /run is a tmpfs: a reboot clears it together with the changes.
 * $BLKSCOPE_JOURNAL names another place, for tests.
 */
export function journalDirectory(): string {
  return process.env.BLKSCOPE_JOURNAL ?? '/run/blkscope';
}

/** Undoes what killed sessions left: traces, tracer settings, mounts, cgroups. Live sessions are left alone. */
export function recover(): UndoReport {
  return native.recover(journalDirectory());
}

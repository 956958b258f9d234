import { native } from '../native/binding.js';
import type { DeadSession, UndoReport } from '../native/changes.js';

/**
 * Where sessions write down what they change. /run is a tmpfs: a reboot clears it together with the changes.
 * $BLKSCOPE_JOURNAL names another place, for tests.
 *
 * @example
 * journalDirectory(); // '/run/blkscope'
 */
export function journalDirectory(): string {
  return process.env.BLKSCOPE_JOURNAL ?? '/run/blkscope';
}

/**
 * Undoes what killed sessions left: traces, tracer settings, mounts, cgroups. Live sessions are left alone.
 *
 * @example
 * const { undone, failed } = recover();
 */
export function recover(): UndoReport {
  return native.recover(journalDirectory());
}

/**
 * Sessions that ended without undoing what they changed, as by SIGKILL; changes nothing.
 *
 * @example
 * for (const { pid, undos } of deadSessions()) console.log(pid, undos);
 */
export function deadSessions(): DeadSession[] {
  return native.deadSessions(journalDirectory());
}

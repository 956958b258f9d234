/** What undoing did, one line a change. */
export interface UndoReport {
  undone: string[];
  failed: string[];
}

/**
 * A journal of changes to the machine: each is written down before it is made, and undone in reverse order, by
 * `undo()`, or by `recover()` after a kill.
 */
export interface NativeChanges {
  /** Writes a sysfs, tracefs or cgroup control file; undone by writing `restore`, or the value it had. */
  writeSetting(path: string, value: string, restore?: string): void;
  /** Lets a cgroup (version 2) pass a controller on to its children; undone by the last session that needs it. */
  passController(cgroup: string, controller: string): void;
  /** Makes a cgroup directory; undone by killing what still runs in it and below it, and removing it. */
  makeCgroup(path: string): void;
  /** Makes an empty directory; undone by rmdir. */
  makeDirectory(path: string): void;
  /** Mounts a file system; undone by unmounting it. */
  mount(type: string, target: string, options: string): void;
  undo(): UndoReport;
}

/** A session that ended without undoing: its process, and what would undo each of its changes, newest first. */
export interface DeadSession {
  pid: number;
  undos: string[];
}

/** Someone who is told of a signal that would end the process, before it does; see native/system/ending_signals.h. */
export interface NativeEndingSignals {
  /** Takes signals over again that somebody has given back to the system. */
  renew(): void;
  /** Idempotent. Once a signal has come, the last one to close has it end the process. */
  close(): void;
}

/**
 * Exit codes of the command line, by the kind of an error; docs/cli.md lists them for users.
 *
 * Signals that end a command give 128 + the signal's number (SIGINT 130, SIGTERM 143), as shells do.
 */
export const exitCodes = {
  ok: 0,
  /** A failure that is blkscope's own; please report it. */
  internal: 1,
  /** Bad arguments or bad input files. */
  usage: 2,
  /** The machine lacks something: root, tracefs, a kernel feature, a program. */
  unsupported: 3,
  /** Something is in the way or too small: another tracer is active, too little memory, no space. */
  busy: 4,
  /** The workload itself failed or ran into its time limit. */
  workload: 5,
  /** The run was made and kept, but the trace lost events: its counts are lower bounds. */
  incomplete: 6,
} as const;

/** What kind of thing went wrong. */
export type ExitKind = keyof typeof exitCodes;

/**
 * The one class of errors that blkscope throws: one line that says what failed, where, and what to do.
 *
 * `code` is stable and meant for programs: one of `errorCodes`, or the system's (`ENOENT`, `EACCES`, ...). `kind` chooses the exit
 * code that the command line would end with, `exitCode`. What an AbortSignal ends throws the signal's reason instead.
 *
 * @example
 * try {
 *   Tracer.start({ devices: ['vda'] });
 * } catch (error) {
 *   if (!(error instanceof BlkscopeError)) throw error;
 *   if (error.code === 'TRACER_BUSY') console.error('try again later:', error.message);
 *   process.exitCode = error.exitCode;
 * }
 */
export class BlkscopeError extends Error {
  override readonly name = 'BlkscopeError';

  /** @internal */
  constructor(
    readonly code: string,
    message: string,
    readonly kind: ExitKind = 'usage',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The exit code that the command line would end with. */
  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

/** Why a file cannot be read, in words, of an error of Node's file system. */
export function whyUnreadable({
  code = 'EIO',
  message,
}: Pick<NodeJS.ErrnoException, 'code' | 'message'>): string {
  return unreadable[code] ?? message;
}

const unreadable: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is a file and no folder',
  EISDIR: 'it is a folder and no file',
  EACCES: 'you may not read it',
};

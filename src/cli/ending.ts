import { BlkscopeError, exitCodes } from '../errors.js';
import { discardUnfinished, whileUnfinished } from '../files/unfinished.js';
import { native } from '../native/binding.js';

/** Signals that ask a command to end, by their numbers. */
export const endingSignals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
export type EndingSignal = keyof typeof endingSignals;
export const endingSignalNames = Object.keys(endingSignals) as EndingSignal[];

/** A command without a session of its own is over so soon after a signal, whatever it is doing. */
const mostEndingMs = 800;

let inSession = false;
let handling = false;

/**
 * However the process ends, what it has begun to write is removed first. The signals' own effect, an end at once, is kept
 * back for it alone, and not for long: JavaScript may be busy.
 */
export function removeUnfinishedAtEnd(): void {
  process.on('exit', discardUnfinished);
  whileUnfinished((any) => {
    if (any && !inSession) handleSignals();
    else leaveSignals();
  });
}

/** From here on the session alone decides what signals do; it knows what is to be undone. */
export function leaveSignalsToSession(): void {
  inSession = true;
  leaveSignals();
}

function handleSignals(): void {
  if (handling) return;
  handling = true;
  for (const name of endingSignalNames) process.on(name, end);
  native.limitEndingSignals(mostEndingMs);
}

function leaveSignals(): void {
  handling = false;
  for (const name of endingSignalNames) process.off(name, end);
}

function end(name: NodeJS.Signals): void {
  discardUnfinished();
  leaveSignals();
  process.kill(process.pid, name); // as if it had not been handled
}

/** What a failure to write to stdout means; null for a reader that went away (head, less), which is no failure of ours. */
function outputError({ code = 'EIO', message }: NodeJS.ErrnoException): BlkscopeError | null {
  if (code === 'EPIPE' || code === 'ECONNRESET') return null;
  const why = code === 'ENOSPC' ? 'the disk is full' : message;
  return new BlkscopeError(code, `cannot write to standard output: ${why}; send it elsewhere`, 'busy');
}

let running = false;

/** While a session runs, nobody's going away ends it: what it changed of the machine is put back first. */
export function sessionRuns(is: boolean): void {
  running = is;
}

/** A reader of stdout that went away, or has no room, ends the command. */
export function endWithReader(stdout: NodeJS.WriteStream, tell: (error: Error) => number): void {
  stdout.on('error', (error) => {
    if (running) return; // what is written afterwards fails as well
    const failure = outputError(error);
    process.exit(failure ? tell(failure) : exitCodes.ok);
  });
}

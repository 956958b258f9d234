import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { discardUnfinished } from '../files/unfinished.js';
import { native } from '../native/binding.js';
import type { NativeEndingSignals } from '../native/changes.js';

/** What a signal does to a process that has changed the machine. */
export interface SignalOptions {
  /**
   * On SIGINT, SIGTERM and SIGHUP all is put back, and then the process ends by the signal. It is so only where the signal
   * would end the process at once: where the program listens for it, or ignores it, nothing is done. Default true.
   */
  undoOnSignals?: boolean;
}

interface Held {
  putBack: () => void;
  onSignals: boolean;
}

/** In the order in which the changes were made. */
const held = new Set<Held>();
let signals: NativeEndingSignals | null = null;

/**
 * Puts a change back when this process (or worker thread) ends and nobody has done so: by `process.exit()`, an error that nobody
 * catches, the end of its work, or a signal. `putBack` must not wait for anything. Returns what calls this off, once it is put back.
 */
export function putBackAtExit(putBack: () => void, { undoOnSignals = true }: SignalOptions = {}): () => void {
  const entry = { putBack, onSignals: undoOnSignals };
  held.add(entry);
  if (held.size === 1) process.prependListener('exit', putAllBack).on('removeListener', renew);
  listen();
  return () => {
    if (held.delete(entry)) listen();
    if (held.size === 0) process.off('exit', putAllBack).off('removeListener', renew);
  };
}

/** Signals are listened for as long as somebody wants it. */
function listen(): void {
  const wanted = [...held].some(({ onSignals }) => onSignals);
  if (wanted) signals ??= new native.EndingSignals(endBySignal);
  else closeSignals();
}

function closeSignals(): void {
  const listening = signals;
  signals = null;
  listening?.close();
}

/** The last one who closes has the signal end the process. */
function endBySignal(): void {
  putAllBack();
  closeSignals();
}

/** Who listens for a signal has it to himself; when he stops, it would end the process at once again. */
function renew(name: string | symbol): void {
  if (isMainThread && typeof name === 'string' && name.startsWith('SIG')) signals?.renew();
}

/** In reverse. All is tried: what fails stays in the journal, and is told. */
function putAllBack(): void {
  const entries = [...held].reverse();
  held.clear();
  for (const { putBack } of entries) {
    try {
      putBack();
    } catch (error) {
      tell(error as Error);
    }
  }
  discardUnfinished();
}

/** There is no time left for a stream. */
function tell({ message }: Error): void {
  try {
    writeSync(process.stderr.fd, `blkscope: ${message}\n`);
  } catch {
    // nobody reads it
  }
}

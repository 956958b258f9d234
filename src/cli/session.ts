import { BlkscopeError } from '../errors.js';
import type { FinishedRun } from '../experiment/finish-run.js';
import type { Watch } from '../experiment/watch.js';
import type { Progress } from '../machine/progress.js';
import {
  type EndingSignal,
  endingSignalNames,
  endingSignals,
  leaveSignalsToSession,
  sessionRuns,
} from './ending.js';
import { requireTerminal, shortPath, stdoutScreen } from './screen.js';
import { TerminalProgress } from './terminal-progress.js';

/** What a command that makes a run needs around it: progress, and signals that end it in order. */
export interface Session {
  progress: Progress & { end(): void };
  signal: AbortSignal;
  /** With a live view: who looks on. */
  watch?: Watch;
}

/** A signal ended the command; its exit code is the shell's 128 + number. */
class Interrupted extends BlkscopeError {
  constructor(readonly signalName: EndingSignal) {
    super('INTERRUPTED', `interrupted by ${signalName}`, 'incomplete');
  }

  override get exitCode(): number {
    return 128 + endingSignals[this.signalName];
  }
}

/**
 * Runs `action` with a signal that SIGINT, SIGTERM and SIGHUP abort. The first one undoes everything in order; a
 * second SIGINT does not hurry it, since that would leave the machine changed.
 */
export async function withSession<T>(
  action: (session: Session) => Promise<T>,
  { watch }: { watch?: string | undefined } = {},
): Promise<T> {
  const controller = new AbortController();
  const view = watch === undefined ? null : await watchView(watch, () => stop('SIGINT'));
  const progress = view ?? new TerminalProgress();
  leaveSignalsToSession();
  const stop = (name: EndingSignal) => {
    if (controller.signal.aborted) return;
    progress.warn(`${name}: ending the run and undoing all changes`);
    controller.abort(new Interrupted(name));
  };
  for (const name of endingSignalNames) process.on(name, stop);
  sessionRuns(true);
  try {
    return await action({ progress, signal: controller.signal, ...(view ? { watch: view } : {}) });
  } finally {
    progress.end();
    sessionRuns(false);
    for (const name of endingSignalNames) process.off(name, stop);
  }
}

/** Loaded when it is wanted. */
async function watchView(title: string, interrupt: () => void) {
  requireTerminal('--watch');
  const { WatchView } = await import('./watch.js');
  return new WatchView(title, interrupt);
}

/** Prints a run as its command promises: the report or the summary to stdout. The run's problem becomes the exit. */
export async function showRun({ run, problem }: FinishedRun, json: boolean): Promise<void> {
  const text = json ? `${JSON.stringify(run.summary, null, 2)}\n` : await reportOf(run);
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  if (json) process.stderr.write(`blkscope: run in ${run.path}\n`);
  if (problem) throw problem;
}

async function reportOf({ path, summary }: FinishedRun['run']): Promise<string> {
  const { renderReport } = await import('../report/terminal.js');
  const { printable } = await import('../report/printable.js');
  const { wrapped } = await import('../report/fit.js');
  const screen = stdoutScreen();
  const title = shortPath(path);
  const more = `More: blkscope report ${printable(title)} --all; as a page with figures: --html FILE`;
  const lines = wrapped(more, screen.columns - 1).map((line) => ` ${screen.style.dim(line)}\n`);
  return `${renderReport(summary, { title, screen })}\n${lines.join('')}`;
}

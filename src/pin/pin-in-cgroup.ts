import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BlkscopeError, type ExitKind } from '../errors.js';
import type { HoldOptions } from '../memory/until-held.js';
import type { NativeStreamFigures } from '../native/memory.js';
import { launch } from '../process/launch.js';
import { onAbort } from '../process/on-abort.js';
import type { Holder } from './holder.js';
import type { PinPlan } from './plan.js';

/** What the process in the cgroup is told first; `check` follows as often as wanted. */
export type PinChildRequest =
  | { kind: 'pin'; plan: PinPlan; cgroupProcsFile: string }
  | { kind: 'check' }
  | { kind: 'figures' };

/** Its answers. */
export type PinChildAnswer =
  | { kind: 'progress'; text: string }
  | { kind: 'pinned'; bytes: number }
  | { kind: 'checked' }
  | { kind: 'figures'; streamed: NativeStreamFigures | null }
  | { kind: 'failed'; code: string; message: string; exit: ExitKind };

const stderr = 2;

/**
 * Holds a plan by a process of blkscope's that joins the cgroup for as long as it reads, so that the pages are charged
 * there: with a stream, until it ends. It dies with us, however we end.
 */
export async function holdInCgroup(
  plan: PinPlan,
  cgroupProcsFile: string,
  { onProgress, signal }: HoldOptions,
): Promise<Holder> {
  const program = fileURLToPath(new URL('../pin/pin-child.js', import.meta.url));
  const { child } = await launch(
    [process.execPath, program],
    { ours: true },
    { stdout: stderr, stderr, messages: true },
  );
  using _ = onAbort(signal, () => child.kill('SIGKILL'));
  try {
    const answer = await ask(child, { kind: 'pin', plan, cgroupProcsFile }, onProgress);
    if (answer.kind !== 'pinned') throw new Error(`unexpected answer ${answer.kind}`);
    return {
      bytes: answer.bytes,
      check: async () => void (await ask(child, { kind: 'check' })),
      streamed: async () => {
        const answer = await ask(child, { kind: 'figures' });
        return answer.kind === 'figures' ? answer.streamed : null;
      },
      release: () => ended(child),
    };
  } catch (error) {
    await ended(child);
    signal?.throwIfAborted();
    throw error;
  }
}

/** Sends a request and waits for what is not progress. Throws BlkscopeError: what failed there, or its death. */
function ask(
  child: ChildProcess,
  request: PinChildRequest,
  onProgress: (text: string) => void = () => {},
): Promise<PinChildAnswer> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => {
      child.off('message', hear).off('exit', died);
      action();
    };
    const hear = (message: unknown) => {
      const answer = message as PinChildAnswer;
      if (answer.kind === 'progress') onProgress(answer.text);
      else if (answer.kind === 'failed')
        settle(() => reject(new BlkscopeError(answer.code, answer.message, answer.exit)));
      else settle(() => resolve(answer));
    };
    const died = () => settle(() => reject(pinnerDied()));
    child.on('message', hear).on('exit', died);
    if (child.exitCode !== null || child.signalCode !== null) died();
    else child.send(request, (error) => error && died());
  });
}

function pinnerDied(): BlkscopeError {
  return new BlkscopeError(
    'PINNER_DIED',
    'the process that pins the model was killed, perhaps by the memory limit; use a smaller --pin',
    'busy',
  );
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

import { BlkscopeError } from '../errors.js';
import { launch } from '../process/launch.js';
import { onAbort } from '../process/on-abort.js';
import { signalTree } from '../process/process-tree.js';
import { commandEngine } from './command.js';

/**
 * Runs a command with our own stdout and stderr, whatever they are, while something else is held for it. Aborting the
 * signal ends it. Throws BlkscopeError: COMMAND_NOT_FOUND; WORKLOAD_FAILED when it did not end well; the signal's
 * reason.
 */
export async function runBeside(
  command: readonly string[],
  signal: AbortSignal,
  env: Record<string, string> = {},
): Promise<void> {
  const { path } = commandEngine(command);
  const { child, pid } = await launch(
    [path as string, ...command.slice(1)],
    { env },
    { stdout: 1, stderr: 2 },
  );
  using _ = onAbort(signal, () => signalTree(pid, 'SIGTERM'));
  const how = await new Promise<string | null>((resolve) => {
    child.once('exit', (code, name) =>
      resolve(code === 0 ? null : name ? `was ended by ${name}` : `ended with exit code ${code}`),
    );
  });
  signal.throwIfAborted();
  if (how) throw new BlkscopeError('WORKLOAD_FAILED', `${command[0]} ${how}`, 'workload');
}

import type { Finding } from '../doctor/diagnose.js';
import type { Engine } from '../workload/engine.js';

/**
 * Looks at everything a run on `path` (a model, a folder, a device node) needs. Changes nothing.
 *
 * @example
 * const missing = (await diagnose('model.gguf')).filter(({ state }) => state === 'missing');
 * for (const { name, detail, mend } of missing) console.log(name, detail, mend);
 */
export async function diagnose(path: string): Promise<Finding[]> {
  return (await import('../doctor/diagnose.js')).diagnose(path);
}

/**
 * The engine for `choice`: a program or a folder of them (`--llama`), a program and which of its commands (`llama bench`),
 * or the word `embedded`. Without a choice $LLAMA_CLI, then PATH, then the embedded engine.
 *
 * A program in PATH that is not understood is passed over, and said so in the engine's `passedOver`.
 *
 * Throws BlkscopeError LLAMA_NOT_FOUND, or LLAMA_UNKNOWN for a named program that is not understood, with the reason.
 *
 * @example
 * const { name, path } = await findEngine('/usr/local/bin/llama-cli');
 */
export async function findEngine(choice?: string): Promise<Engine> {
  return (await import('../workload/find-engine.js')).findEngine(choice);
}

/**
 * Runs a command with our own stdout and stderr, whatever they are, while something else is held for it. Aborting the
 * signal ends it. Throws BlkscopeError: COMMAND_NOT_FOUND; WORKLOAD_FAILED when it did not end well; the signal's
 * reason.
 *
 * @example
 * using memory = await holdMemory('4G');
 * await runBeside(['make', 'bench'], AbortSignal.timeout(60_000));
 */
export async function runBeside(
  command: readonly string[],
  signal: AbortSignal,
  env: Record<string, string> = {},
): Promise<void> {
  await (await import('../workload/beside.js')).runBeside(command, signal, env);
}

// The built command line as a user calls it.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const cliPath = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface CommandResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Called once, when stderr holds this text. */
  when?: { text: string; act: (child: ChildProcess) => void };
}

/** Runs `blkscope ARGS` to its end. */
export function blkscope(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return runToEnd(process.execPath, [cliPath, ...args], options);
}

/** The same as another user: uid 65534 has no rights at all. */
export function blkscopeAsNobody(args: readonly string[]): Promise<CommandResult> {
  const setpriv = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, cliPath, ...args];
  return runToEnd('setpriv', setpriv, {});
}

function runToEnd(program: string, args: string[], options: CommandOptions): Promise<CommandResult> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result: CommandResult = { exitCode: null, stdout: '', stderr: '' };
  let { when } = options;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    result.stderr += text;
    if (!when || !result.stderr.includes(when.text)) return;
    const { act } = when;
    when = undefined;
    act(child);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ ...result, exitCode }));
  });
}

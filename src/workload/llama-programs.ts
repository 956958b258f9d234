import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { BlkscopeError } from '../errors.js';
import { sudoCaller } from '../process/caller.js';
import { privilegeCommand } from '../process/launch.js';
import type { Engine, RunningWorkload, WorkloadOptions } from './engine.js';
import { benchArguments, exactTokens, type LlamaProgram, textArguments } from './llama-arguments.js';
import { LlamaOptions } from './llama-options.js';
import { type LlamaTimings, parseBenchJson, parseLlamaTimings } from './llama-timings.js';
import { defaultPrompt, defaultTokens, promptOfLength } from './prompt.js';
import { startWorkload } from './running-workload.js';

const run = promisify(execFile);

/**
 * The engine for one of llama.cpp's programs, of whatever age: its options are read from its --help.
 *
 * Throws BlkscopeError LLAMA_UNKNOWN when the help is not that of llama-cli (formerly main), llama-completion
 * or llama-bench.
 */
export async function llamaEngine(path: string): Promise<Engine> {
  const program = await identify(path);
  return { name: program.name, path, start: (options) => start(program, options) };
}

async function identify(path: string): Promise<LlamaProgram> {
  const help = await outputOf(path, '--help');
  const options = LlamaOptions.fromHelp(help);
  const kind = kindOf(path, options);
  if (!kind) {
    const said = help.trim().split('\n')[0]?.slice(0, 120) || 'nothing';
    throw new BlkscopeError(
      'LLAMA_UNKNOWN',
      `${path}: not a llama-cli, llama-completion or llama-bench (its --help says: ${said}); to trace any program: blkscope record -- CMD`,
    );
  }
  const version = options.has('--version') ? versionIn(await outputOf(path, '--version')) : null;
  return { path, ...kind, options, version };
}

function kindOf(path: string, options: LlamaOptions): Pick<LlamaProgram, 'name' | 'style'> | null {
  if (options.has('--n-gen') && options.has('--n-prompt')) return { name: 'llama-bench', style: 'bench' };
  if (!options.has('--model') || !options.has('--prompt') || !options.has('--n-predict')) return null;
  // The chat on a server came with an option to hide its speeds.
  if (options.has('--show-timings')) return { name: 'llama-cli', style: 'chat' };
  return { name: basename(path).includes('completion') ? 'llama-completion' : 'llama-cli', style: 'text' };
}

/** stdout and stderr of a program that tells about itself; some builds end with 1 after their help. */
async function outputOf(path: string, option: string): Promise<string> {
  const [program, ...args] = [...privilegeCommand(sudoCaller()), path, option];
  try {
    const { stdout, stderr } = await run(program as string, args, {
      timeout: 20_000,
      maxBuffer: 8 * 2 ** 20,
    });
    return `${stdout}\n${stderr}`;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return `${stdout}\n${stderr}`;
  }
}

/** "version: 0.7.0 (build 11669, commit Debian)" or "version: 3678 (9b2c24c0)" without its first word. */
function versionIn(output: string): string | null {
  return /^version:\s*(.+)$/m.exec(output)?.[1]?.trim() ?? null;
}

async function start(program: LlamaProgram, options: WorkloadOptions): Promise<RunningWorkload> {
  const prompt =
    options.prompt ?? (options.promptTokens ? promptOfLength(options.promptTokens) : defaultPrompt);
  const argv = [
    program.path,
    ...(program.style === 'bench' ? benchArguments : textArguments)(program, options, prompt),
  ];
  return startWorkload({
    engine: program.name,
    argv,
    version: program.version,
    options,
    output: {
      style: program.style,
      prompt,
      tokens: options.tokens ?? defaultTokens,
      echoesPrompt: !program.options.has('--no-display-prompt'),
    },
    tokensWhenDone: exactTokens(program, options),
    timings: (output) => timingsOf(program, output),
  });
}

function timingsOf(
  program: LlamaProgram,
  output: { stdout: string; stderr: string },
): {
  timings: LlamaTimings;
  version: string | null;
} {
  if (program.style === 'bench') return parseBenchJson(output.stdout);
  // A text program's stdout is the model's own words, which may well say "[ Prompt: 1 t/s".
  const printed = program.style === 'chat' ? `${output.stdout}\n${output.stderr}` : output.stderr;
  return { timings: parseLlamaTimings(printed), version: null };
}

import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { BlkscopeError } from '../errors.js';
import { sudoCaller } from '../files/caller.js';
import { workloadEnvironment } from '../process/environment.js';
import { privilegeCommand } from '../process/launch.js';
import { parseBenchJson } from './bench-timings.js';
import type { Engine, RunningWorkload } from './engine.js';
import { benchArguments, exactTokens, type LlamaProgram, textArguments } from './llama-arguments.js';
import { LlamaOptions } from './llama-options.js';
import { parseLlamaTimings } from './llama-timings.js';
import { loadingOf } from './loading.js';
import type { LlamaTimings } from './printed-timings.js';
import { type ResolvedWorkload, resolvedWorkload } from './resolved.js';
import { startWorkload } from './running-workload.js';
import { speculates } from './speculation.js';

const run = promisify(execFile);

/**
 * The engine for one of llama.cpp's programs, of whatever age: its options are read from its --help. `llama`, which holds
 * several programs, is used for the command named, else for the best that it has.
 *
 * Throws BlkscopeError LLAMA_UNKNOWN, with the reason, when it is none of llama-cli (formerly main), llama-completion and
 * llama-bench.
 */
export async function llamaEngine(path: string, command?: string): Promise<Engine> {
  const program = await identify(path, command);
  return {
    name: program.name,
    path,
    start: (options) => start(program, resolvedWorkload(options)),
    packs: (options) => (packs(program, resolvedWorkload(options)) ? 'tiles' : 'none'),
    drafts: (options) => speculates(argumentsFor(program, resolvedWorkload(options)), program.options),
    loading: (options) => loadingOf(argumentsFor(program, resolvedWorkload(options)), program.options),
  };
}

async function identify(path: string, command?: string): Promise<LlamaProgram> {
  const help = await helpOf(path, command);
  if (command !== undefined) return identifyCommand([path, command], help);
  const commands = commandsIn(hidesCommands.test(help) ? await outputOf([path, 'help', 'all']) : help);
  const best = commandsForText.find((name) => commands.includes(name));
  if (best === undefined) return identifyCommand([path], help);
  return identifyCommand([path, best], await helpOf(path, best));
}

/** `llama completion` prints tokens as `llama-completion` does, `llama cli` is the chat. */
const commandsForText = ['completion', 'cli'];

/** `Run 'llama help all' to show additional commands.`: its help names those alone that most people need. */
const hidesCommands = /\bhelp all\b/;

/** The commands that the help of `llama` lists, a line each: `  completion      Text completion`. */
function commandsIn(help: string): string[] {
  const [, list] = /^Available commands:\s*\n((?:\s.*\n)+)/im.exec(help) ?? [];
  return [...(list ?? '').matchAll(/^\s+([a-z][\w-]*)(?:\s|$)/gm)].map(([, name]) => name as string);
}

async function identifyCommand(argv: readonly string[], help: string): Promise<LlamaProgram> {
  const options = LlamaOptions.fromHelp(help);
  const kind = kindOf(argv, options);
  if (!kind) {
    throw new BlkscopeError(
      'LLAMA_UNKNOWN',
      `${argv.join(' ')}: not a llama-cli, llama-completion or llama-bench: ${reason(help, options)}`,
    );
  }
  const version = options.has('--version') ? versionIn(await outputOf([...argv, '--version'])) : null;
  return { argv, ...kind, options, version };
}

/** By the arguments it will have. A build without the option may pack whatever it has a layout for. */
function packs(program: LlamaProgram, options: ResolvedWorkload): boolean {
  const { options: known, style } = program;
  const given = argumentsFor(program, options);
  if (style === 'bench') return known.has('--repack') ? lastValue(given, ['--repack']) !== '0' : true;
  if (!known.has('--no-repack')) return true;
  const last = given.findLast((arg) => ['-nr', '--no-repack', '--repack'].includes(arg));
  return last === undefined || last === '--repack';
}

function lastValue(args: readonly string[], spellings: readonly string[]): string | undefined {
  const at = args.findLastIndex((arg) => spellings.includes(arg));
  return at < 0 ? undefined : args[at + 1];
}

/** What the program is instead, and what to do. */
function reason(help: string, options: LlamaOptions): string {
  const anyProgram = 'to trace any program: blkscope record -- CMD';
  if (options.has('--port') && options.has('--host')) {
    return 'it is a server: blkscope record -- CMD, or blkscope record --attach PID for one that runs';
  }
  const said = help.trim().split('\n')[0]?.slice(0, 120);
  return said ? `its --help says: ${said}; ${anyProgram}` : `its --help says nothing; ${anyProgram}`;
}

function kindOf(argv: readonly string[], options: LlamaOptions): Pick<LlamaProgram, 'name' | 'style'> | null {
  if (options.has('--n-gen') && options.has('--n-prompt')) return { name: 'llama-bench', style: 'bench' };
  if (!options.has('--model') || !options.has('--prompt') || !options.has('--n-predict')) return null;
  // The chat on a server came with an option to hide its speeds.
  if (options.has('--show-timings')) return { name: 'llama-cli', style: 'chat' };
  const completes = basename(argv.at(-1) as string).includes('completion');
  return { name: completes ? 'llama-completion' : 'llama-cli', style: 'text' };
}

/** Of a command, or of the program itself; some say what they are only without any argument. */
async function helpOf(path: string, command?: string): Promise<string> {
  const help = await outputOf([path, ...(command === undefined ? [] : [command]), '--help']);
  return /unknown command/i.test(help) && command === undefined ? `${help}\n${await outputOf([path])}` : help;
}

const helpTimeoutMs = 20_000;

/** stdout and stderr of a program that tells about itself; some builds end with 1 after their help. */
async function outputOf(argv: readonly string[]): Promise<string> {
  const [program, ...args] = [...privilegeCommand(sudoCaller()), ...argv];
  try {
    const { stdout, stderr } = await run(program as string, args, {
      env: workloadEnvironment(),
      timeout: helpTimeoutMs,
      maxBuffer: 8 * 2 ** 20,
    });
    return `${stdout}\n${stderr}`;
  } catch (error) {
    const {
      stdout = '',
      stderr = '',
      killed,
    } = error as { stdout?: string; stderr?: string; killed?: boolean };
    return killed ? `nothing within ${helpTimeoutMs / 1000} s` : `${stdout}\n${stderr}`;
  }
}

/** "version: 0.7.0 (build 11669, commit Debian)" or "version: 3678 (9b2c24c0)" without its first word. */
function versionIn(output: string): string | null {
  return /^version:\s*(.+)$/m.exec(output)?.[1]?.trim() ?? null;
}

function argumentsFor(program: LlamaProgram, options: ResolvedWorkload): string[] {
  return program.style === 'bench' ? benchArguments(program, options) : textArguments(program, options);
}

async function start(program: LlamaProgram, options: ResolvedWorkload): Promise<RunningWorkload> {
  const argv = [...program.argv, ...argumentsFor(program, options)];
  return startWorkload({
    engine: program.name,
    argv,
    version: program.version,
    options,
    loading: loadingOf(argv, program.options),
    drafts: speculates(argv, program.options),
    output: {
      style: program.style,
      prompt: options.prompt,
      tokens: options.tokens,
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

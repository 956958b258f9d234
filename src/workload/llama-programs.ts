import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { BlkscopeError } from '../errors.js';
import { sudoCaller } from './caller.js';
import type { Engine, EngineName, RunningWorkload, WorkloadOptions } from './engine.js';
import { privilegeCommand } from './launch.js';
import { LlamaOptions } from './llama-options.js';
import type { OutputStyle } from './llama-output.js';
import { type LlamaTimings, parseBenchJson, parseLlamaTimings } from './llama-timings.js';
import { defaultPrompt, defaultTokens, promptOfLength, promptTokensOf } from './prompt.js';
import { requireModel } from './require-model.js';
import { startWorkload } from './running-workload.js';

const run = promisify(execFile);

/** What a program is, as far as it says so in its --help and --version. */
interface LlamaProgram {
  path: string;
  name: Extract<EngineName, `llama-${string}`>;
  style: OutputStyle;
  options: LlamaOptions;
  version: string | null;
}

/**
 * The engine for one of llama.cpp's programs, of whatever age: its options are read from its --help.
 *
 * Throws BlkscopeError LLAMA_UNKNOWN when the help is not that of llama-cli (formerly main), llama-completion or
 * llama-bench.
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

/** Collects options that the program knows and that the user has not set after `--`. */
class ArgumentList {
  readonly #args: string[] = [];

  constructor(
    private readonly known: LlamaOptions,
    private readonly extra: readonly string[],
  ) {}

  /** `spellings`: the same option in programs of different age; without a value it is a switch. */
  add(spellings: string | string[], value?: string | number): this {
    const name = this.known.firstOf(...[spellings].flat());
    if (name && !this.known.isAmong(this.extra, name))
      this.#args.push(name, ...(value === undefined ? [] : [String(value)]));
    return this;
  }

  addIf(condition: unknown, spellings: string | string[], value?: string | number): this {
    return condition ? this.add(spellings, value) : this;
  }

  get all(): string[] {
    return [...this.#args, ...this.extra];
  }
}

function textArguments(
  { options: known, style }: LlamaProgram,
  options: WorkloadOptions,
  prompt: string,
): string[] {
  const chat = style === 'chat';
  const args = commonArguments(known, options);
  // A prompt of the user's own, in a file or as system prompt, takes the place of ours.
  if (
    !['--file', '--binary-file', '--system-prompt'].some((name) =>
      known.isAmong(options.extraArgs ?? [], name),
    )
  ) {
    args.add('--prompt', prompt);
  }
  args
    .add('--n-predict', options.tokens ?? defaultTokens)
    .add('--ctx-size', contextFor(options, prompt))
    .add('--seed', options.seed ?? 1)
    .add('--ignore-eos')
    .addIf(options.temperature !== undefined, '--temp', options.temperature)
    .addIf(!chat, ['--no-conversation', '-no-cnv'])
    .addIf(chat, '--single-turn')
    .add('--no-display-prompt')
    .add('--special') // tokens that print nothing would not be seen
    .add('--simple-io') // no spinner between the tokens
    .add('--no-warmup') // it would read the whole model once more, and of a mixture every expert
    .add('--no-context-shift')
    .add('--fit', 'off') // it loads the model's head a second time
    .add('--perf')
    .addIf(chat, '--log-verbosity', 3) // says when the model is loaded, and counts tokens
    .addIf(options.repack !== true, '--no-repack');
  if (known.has('--load-mode')) args.addIf(loadMode(options), '--load-mode', loadMode(options) as string);
  else args.addIf(options.mmap === false, '--no-mmap').addIf(options.mlock, '--mlock');
  return args.all;
}

function benchArguments({ options: known }: LlamaProgram, options: WorkloadOptions): string[] {
  const args = commonArguments(known, options)
    .add('--n-prompt', promptTokensOf(options))
    .add('--n-gen', options.tokens ?? defaultTokens)
    .add('--repetitions', 1)
    .add('--output', 'json')
    .add('--progress') // says when the model is loaded and when the prompt is done
    .add('--no-warmup')
    .addIf(options.repack !== true, '--repack', 0);
  if (known.has('--load-mode')) args.addIf(loadMode(options), '--load-mode', loadMode(options) as string);
  else args.addIf(options.mmap === false, '--mmap', 0);
  return args.all;
}

function commonArguments(known: LlamaOptions, options: WorkloadOptions): ArgumentList {
  const extra = options.extraArgs ?? [];
  const choosesGpu = ['--n-gpu-layers', '--device'].some((name) => known.isAmong(extra, name));
  const args = new ArgumentList(known, extra)
    .add('--model', requireModel(options))
    .addIf(options.threads, '--threads', options.threads)
    .addIf(options.batch, '--batch-size', options.batch);
  // Weights on a graphics card are beyond the page cache, and beyond this experiment unless it is asked for.
  if (choosesGpu) return args;
  return known.has('--device') ? args.add('--device', 'none') : args.add('--n-gpu-layers', 0);
}

/** For programs since 2026; null: their own choice, which is to map. */
function loadMode({ mmap, mlock }: WorkloadOptions): string | null {
  if (mmap === false) return mlock ? 'mlock' : 'none';
  return mlock ? 'mmap+mlock' : null;
}

/** A token is at least a byte, so a prompt's bytes bound its tokens from above; a chat puts a template around it. */
function contextFor(options: WorkloadOptions, prompt: string): number {
  if (options.context) return options.context;
  const promptTokens = options.promptTokens ?? Math.min(Buffer.byteLength(prompt), 4096);
  return roundUp(promptTokens + (options.tokens ?? defaultTokens) + 128, 256);
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

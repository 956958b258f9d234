import type { EngineName } from './engine.js';
import type { LlamaOptions } from './llama-options.js';
import type { OutputStyle } from './llama-output.js';
import { promptTokensOf } from './prompt.js';
import { requireModel } from './require-model.js';
import type { ResolvedWorkload } from './resolved.js';

/** What a program is, as far as it says so in its --help and --version. */
export interface LlamaProgram {
  /** The program; of `llama`, which holds several, with the command. */
  argv: readonly string[];
  name: Extract<EngineName, `llama-${string}`>;
  style: OutputStyle;
  options: LlamaOptions;
  version: string | null;
}

/**
 * The tokens asked for, where the program will generate neither more nor fewer; null where that is not sure.
 */
export function exactTokens(
  { style, options: known }: LlamaProgram,
  options: ResolvedWorkload,
): number | null {
  const asked = !['--n-predict', '--ctx-size'].some((name) => known.isAmong(options.extraArgs, name));
  const enough = asked && options.context === undefined && known.has('--ignore-eos');
  return style !== 'bench' && enough ? options.tokens : null;
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

/** The command line of a program that generates text, as far as the program knows each option. */
export function textArguments({ options: known, style }: LlamaProgram, options: ResolvedWorkload): string[] {
  const { prompt } = options;
  const chat = style === 'chat';
  const args = commonArguments(known, options);
  // A prompt of the user's own, in a file or as system prompt, takes the place of ours.
  if (
    !['--file', '--binary-file', '--system-prompt'].some((name) => known.isAmong(options.extraArgs, name))
  ) {
    args.add('--prompt', prompt);
  }
  args
    .add('--n-predict', options.tokens)
    .add('--ctx-size', contextFor(options))
    .add('--seed', options.seed)
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
    .addIf(!options.repack, '--no-repack');
  if (known.has('--load-mode'))
    args.addIf(loadMode(options, known), '--load-mode', loadMode(options, known) as string);
  else args.addIf(!options.mmap, '--no-mmap').addIf(options.mlock, '--mlock');
  return args.all;
}

/** The same for llama-bench. */
export function benchArguments({ options: known }: LlamaProgram, options: ResolvedWorkload): string[] {
  const args = commonArguments(known, options)
    .add('--n-prompt', promptTokensOf(options))
    .add('--n-gen', options.tokens)
    .add('--repetitions', 1)
    .add('--output', 'json')
    .add('--progress') // says when the model is loaded and when the prompt is done
    .add('--no-warmup')
    .addIf(!options.repack, '--repack', 0);
  if (known.has('--load-mode'))
    args.addIf(loadMode(options, known), '--load-mode', loadMode(options, known) as string);
  else args.addIf(!options.mmap, '--mmap', 0);
  return args.all;
}

function commonArguments(known: LlamaOptions, options: ResolvedWorkload): ArgumentList {
  const extra = options.extraArgs;
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
function loadMode({ mmap, mlock }: ResolvedWorkload, known: LlamaOptions): string | null {
  // At first `mlock` mapped as well, and nothing else did.
  const [mapped, read] = known.says('mmap+mlock') ? ['mmap+mlock', 'mlock'] : ['mlock', 'none'];
  if (!mmap) return mlock ? (read as string) : 'none';
  return mlock ? (mapped as string) : null;
}

/**
 * A token is at least a byte, so a prompt's bytes bound its tokens from above; a chat puts a template around
 * it.
 */
function contextFor({ context, prompt, tokens, ...options }: ResolvedWorkload): number {
  if (context) return context;
  const promptTokens = options.promptTokens ?? Math.min(Buffer.byteLength(prompt), 4096);
  return roundUp(promptTokens + tokens + 128, 256);
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { optionsOf } from '../experiment/repeated-run.js';
import { given } from '../experiment/trace-options.js';
import {
  BlkscopeError,
  type CacheState,
  defaultRunPath,
  type ExperimentOptions,
  openRun,
  type PinRequest,
  type PressureRequest,
  planRepeats,
  runExperiment,
  runPlanned,
} from '../index.js';
import { environmentOf } from '../process/environment.js';
import {
  count,
  environmentOption,
  positive,
  seconds,
  size,
  type TraceFlags,
  traceOptions,
  traceSettings,
} from './options.js';
import { showRun, withSession } from './session.js';
import { showOutcomes } from './sweep.js';

interface RunFlags extends Omit<TraceFlags, 'bufferCount'> {
  model?: string;
  repeatOf?: string;
  llama?: string;
  prompt?: string;
  tokens?: number;
  threads?: number;
  context?: number;
  env?: string[];
  seed?: number;
  repack?: boolean;
  mlock?: boolean;
  lock?: number;
  leave?: number;
  limit?: number;
  cold?: boolean;
  warm?: boolean;
  asIs?: boolean;
  dropCaches?: boolean;
  readahead?: number;
  pin?: number | 'auto';
  plan?: string;
  stream?: boolean;
  touches?: boolean;
  profileTouches?: boolean;
  account?: boolean;
  timeLimit?: number;
  repeat: number;
}

export function runCommand(): Command {
  const command = new Command('run')
    .optionsGroup('Workload:')
    .option('-m, --model <file>', 'the GGUF file; any part of a split model')
    .option('--repeat-of <run>', 'do again what a run did; with -o, --repeat, --mount and --json alone')
    .option('--llama <path>', "llama.cpp's program, or 'embedded' (default: $LLAMA_CLI, PATH, then embedded)")
    .option('-p, --prompt <text>', 'the prompt')
    .option('-n, --tokens <count>', 'tokens to generate (default: 100)', count)
    .option('-t, --threads <count>', 'threads of the workload', positive)
    .option('-c, --context <tokens>', 'context size', count)
    .addOption(environmentOption())
    .option('--seed <number>', 'seed of the random choice of tokens (default: 1)', count)
    .option('--repack', 'let llama.cpp copy the weights into its own memory; it then reads each of them once')
    .option('--mlock', 'let llama.cpp lock its weights in memory')
    .option('--time-limit <seconds>', 'end the workload after this time', seconds)
    .optionsGroup('Memory pressure:')
    .addOption(
      new Option('--lock <size>', 'lock SIZE of memory').argParser(size).conflicts(['leave', 'limit']),
    )
    .addOption(new Option('--leave <size>', 'lock all memory but SIZE').argParser(size).conflicts('limit'))
    .addOption(
      new Option('--limit <size>', 'keep the workload and its page cache under SIZE').argParser(size),
    )
    .optionsGroup('Page cache:')
    .addOption(
      new Option('--cold', 'evict the model from the page cache first (default)').conflicts(['warm', 'asIs']),
    )
    .addOption(new Option('--warm', 'read the model into the page cache first').conflicts('asIs'))
    .option('--as-is', 'leave the page cache as it is')
    .option('--drop-caches', 'empty the page cache of the whole machine first')
    .option('--readahead <kib>', "set the disk's readahead during the run", count)
    .optionsGroup('What helps:')
    .addOption(
      new Option(
        '--pin <size>',
        "hold SIZE of the model in the page cache; 'auto': as much as memory and readahead allow",
      ).argParser((text) => (text === 'auto' ? text : size(text))),
    )
    .option('--plan <run>', 'with --pin: a run that shows which experts tokens use')
    .option(
      '--stream',
      'with --pin, for dense models: read the rest just before each token needs it (sets readahead to 32)',
    )
    .optionsGroup('What is measured:')
    .option('--repeat <count>', 'make COUNT runs in one folder, and print how far they agree', count, 1)
    .option('--touches', 'also watch what tokens use of the model, hits of the page cache included')
    .addOption(
      new Option(
        '--profile-touches',
        'show what tokens touch: by --touches where that works, else with the smallest memory that works and no readahead',
      ).conflicts(['lock', 'leave', 'limit', 'readahead', 'pin']),
    )
    .option('--account', 'also tell what became of every byte read of the model')
    .argument('[args...]', 'after --: passed to llama.cpp unchanged')
    .action(run);
  for (const option of traceOptions()) command.addOption(option);
  return command;
}

async function run(args: string[], flags: RunFlags, command: Command): Promise<void> {
  if (args.length > 0 && !process.argv.includes('--')) {
    const line = `'${args[0]}' is no option of run; what llama.cpp is given stands after --, as in: blkscope run -m MODEL -- --temp 0`;
    throw new BlkscopeError('BAD_ARGUMENT', line);
  }
  const asked =
    flags.repeatOf === undefined ? askedFor(args, flags) : await againAs(flags.repeatOf, args, command);
  const options = { ...asked, ...given({ output: flags.output }), mount: flags.mount ?? false };
  if (flags.repeat !== 1) return repeat(options, flags);
  const finished = await withSession((session) => runExperiment({ ...options, ...session }), {
    watch: flags.watch ? options.model : undefined,
  });
  await showRun(finished, flags.json ?? false);
}

const besideRepeatOf = ['repeatOf', 'output', 'repeat', 'mount', 'json'];

async function againAs(path: string, args: readonly string[], command: Command): Promise<ExperimentOptions> {
  const others = command.options.filter(
    (option) =>
      !besideRepeatOf.includes(option.attributeName()) &&
      command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  const other = others[0]?.long ?? (args.length > 0 ? 'arguments after --' : null);
  if (other !== null)
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      `--repeat-of does again what that run did; ${other} would make another run of it: leave one of the two out`,
    );
  await using run = await openRun(path);
  return { ...optionsOf(run), commandLine: process.argv };
}

function askedFor(args: readonly string[], flags: RunFlags): ExperimentOptions {
  if (flags.model === undefined)
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      'run needs -m, --model <file>: the GGUF file; any part of a split model; blkscope run --help lists the options',
    );
  return {
    ...traceSettings(flags),
    model: flags.model,
    pressure: pressure(flags),
    cache: cache(flags),
    dropCaches: flags.dropCaches ?? false,
    ...pinning(flags),
    workload: given({
      prompt: flags.prompt,
      tokens: flags.tokens,
      threads: flags.threads,
      context: flags.context,
      seed: flags.seed,
      repack: flags.repack,
      mlock: flags.mlock,
      env: flags.env && environmentOf(flags.env),
      timeLimitMs: flags.timeLimit,
      extraArgs: [...args],
    }),
    ...given({
      llama: flags.llama,
      readAheadKib: flags.readahead,
      touches: flags.touches,
      profileTouches: flags.profileTouches,
      account: flags.account,
    }),
    commandLine: process.argv,
  };
}

async function repeat(options: ExperimentOptions, flags: RunFlags): Promise<void> {
  if (flags.watch) throw new BlkscopeError('BAD_ARGUMENT', '--watch shows one run: leave out --repeat');
  if (flags.repeat === 0) throw new BlkscopeError('BAD_ARGUMENT', '--repeat: 0 runs make no sense');
  const output = resolve(options.output ?? defaultRunPath(options.model));
  const plans = planRepeats({ ...options, output }, flags.repeat);
  showOutcomes(await withSession((session) => runPlanned(plans, session)), flags.json ?? false);
}

function pinning({ pin, plan, stream }: RunFlags): { pin?: PinRequest } {
  if (pin !== undefined) return { pin: { bytes: pin, ...given({ plan, stream }) } };
  if (stream)
    throw new BlkscopeError('BAD_ARGUMENT', '--stream needs --pin: it streams the part that is not pinned');
  if (plan === undefined) return {};
  throw new BlkscopeError('BAD_ARGUMENT', '--plan needs --pin: the plan says what to pin first');
}

function pressure({ lock, leave, limit }: RunFlags): PressureRequest {
  for (const [mode, bytes] of Object.entries({ lock, leave, limit })) {
    if (bytes !== undefined) return { mode: mode as 'lock' | 'leave' | 'limit', bytes };
  }
  return { mode: 'none' };
}

function cache({ warm, asIs }: RunFlags): CacheState {
  return warm ? 'warm' : asIs ? 'asIs' : 'cold';
}

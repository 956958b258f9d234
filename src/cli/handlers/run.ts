import { resolve } from 'node:path';
import type { Command } from 'commander';
import { runExperiment, runPlanned } from '../../api/experiments.js';
import { BlkscopeError } from '../../errors.js';
import type { ExperimentOptions } from '../../experiment/options.js';
import type { PinRequest } from '../../experiment/pin-model.js';
import { optionsOf } from '../../experiment/repeated-run.js';
import { given } from '../../experiment/trace-options.js';
import type { CacheState } from '../../memory/cache-state.js';
import type { PressureRequest } from '../../memory/pressure.js';
import { environmentOf } from '../../process/environment.js';
import { defaultRunPath } from '../../run/run-folder.js';
import { openRun } from '../../store/open-run.js';
import { planRepeats } from '../../sweep/sweep-plan.js';
import { type TraceFlags, traceSettings } from '../options.js';
import { showRun, withSession } from '../session.js';
import { showOutcomes } from './sweep.js';

export interface RunFlags extends Omit<TraceFlags, 'bufferCount'> {
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

export async function makeRun(args: string[], flags: RunFlags, command: Command): Promise<void> {
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

import { existsSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { runExperiment } from '../experiment/experiment.js';
import type { ExperimentOptions } from '../experiment/options.js';
import { askedOf } from '../experiment/repeated-run.js';
import { given } from '../experiment/trace-options.js';
import { greatest } from '../extremes.js';
import type { Progress } from '../machine/progress.js';
import type { PressureRequest } from '../memory/pressure.js';
import type { Run } from '../store/open-run.js';
import { resolvedWorkload } from '../workload/resolved.js';
import type { Advice, Change, ChangedConditions } from './changes.js';

/** A change that was tried, on other tokens than those that the advice was made from: what was foreseen, and what came out. */
export interface Verified {
  change: Change;
  /** The run folder. */
  run: string;
  bytesPerToken: number;
  tokensPerSecond: number;
  /** For how long of a token others had the CPUs. null: not known. */
  busyNsPerToken: number | null;
  /** Of the tokens. */
  seed: number;
}

/** How advice is tried. */
export interface VerifyOptions {
  /** How many of the best changes are tried. Default 2. */
  best?: number;
  /** The run that shows which experts to hold. Default: the advised run. */
  touches?: Run;
  /** Mounts tracefs and debugfs for the runs where they are not mounted: what the advised run was asked for is not taken over. */
  mount?: boolean;
  progress?: Progress;
  signal?: AbortSignal;
  commandLine?: readonly string[];
}

/**
 * Makes the advised run again with its best changes, another seed and another prompt, one run each, beside it as
 * `RUN-advice-1` and so on; what an earlier try has left there stays.
 *
 * Throws BlkscopeError: what `askedOf` throws; NOT_VERIFIABLE for a run that shows touches; what runExperiment throws; a run's problem.
 */
export async function verify(run: Run, advice: Advice, options: VerifyOptions = {}): Promise<Verified[]> {
  const asked = askedOf(run);
  if (asked.profileTouches) {
    throw new BlkscopeError(
      'NOT_VERIFIABLE',
      `${run.path}: a run with --profile-touches shows what tokens touch, and has no speed to improve; name an ordinary run, and this one with --touches ${run.path}`,
    );
  }
  const verified: Verified[] = [];
  const others = otherTokens(asked, options.touches);
  const { mount, progress, signal, commandLine } = options;
  for (const change of triable(advice, asked).slice(0, options.best ?? 2)) {
    options.progress?.step(`-- ${change.title}`);
    const finished = await runExperiment({
      ...asked,
      ...changedOptions(
        { ...asked, workload: { ...asked.workload, ...others } },
        change.conditions,
        (options.touches ?? run).path,
      ),
      ...given({ mount, progress, signal, commandLine }),
      output: freeFolder(run.path),
    });
    if (finished.problem) throw finished.problem;
    const { workload, bound } = finished.run.summary;
    verified.push({
      change,
      run: finished.run.path,
      seed: others.seed,
      bytesPerToken: workload?.bytesPerToken ?? Number.NaN,
      tokensPerSecond: workload?.tokensPerSecond ?? Number.NaN,
      busyNsPerToken: bound?.busyNsPerToken ?? null,
    });
  }
  return verified;
}

/** The first `RUN-advice-N` that nobody has taken. */
export function freeFolder(run: string): string {
  let number = 1;
  while (existsSync(`${run}-advice-${number}`)) number++;
  return `${run}-advice-${number}`;
}

/**
 * Another seed and another prompt than those of the runs that the advice was made from: a plan that is tested on its own tokens
 * looks better than it is.
 */
function otherTokens(asked: ExperimentOptions, touches: Run | undefined): { seed: number; prompt: string } {
  const planned = (touches?.config.options as ExperimentOptions | undefined)?.workload;
  const seeds = [asked.workload, planned].map((workload = {}) => resolvedWorkload(workload).seed);
  const length = (asked.workload?.prompt ?? otherPrompt).split(/\s+/).length;
  const words = otherPrompt.split(' ');
  const prompt = Array.from({ length }, (_, i) => words[i % words.length]).join(' ');
  return { seed: greatest(seeds) + 1, prompt };
}

const otherPrompt =
  'Before the harvest the old miller walked down to the river with his three dogs and looked for';

/**
 * More memory can be tried only where a limit is what keeps it short, mapped weights where blkscope's own option had them
 * copied, a pin where tokens use what it holds.
 */
function triable({ changes, weights }: Advice, { pressure, workload }: ExperimentOptions): Change[] {
  return changes.filter(({ conditions: { memoryBytes, mapped, pinBytes } }) => {
    if (memoryBytes !== undefined && pressure?.mode !== 'limit') return false;
    if (mapped) return workload?.repack === true;
    return pinBytes === undefined || weights === 'mapped';
  });
}

function changedOptions(
  asked: ExperimentOptions,
  { readAheadKib, pinBytes, stream, memoryBytes, threads, mapped }: ChangedConditions,
  plan: string,
): Partial<ExperimentOptions> {
  const limit: PressureRequest | undefined =
    memoryBytes === undefined ? undefined : { mode: 'limit', bytes: memoryBytes };
  return {
    ...given({ readAheadKib, pressure: limit }),
    ...(pinBytes === undefined ? {} : { pin: { bytes: pinBytes, ...(stream ? { stream } : { plan }) } }),
    workload: { ...asked.workload, ...given({ threads, repack: mapped ? false : undefined }) },
  };
}

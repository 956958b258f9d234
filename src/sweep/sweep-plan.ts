import { basename, join } from 'node:path';
import { BlkscopeError } from '../errors.js';
import type { ExperimentOptions } from '../experiment/options.js';
import { given } from '../experiment/trace-options.js';
import { formatSize } from '../memory/size.js';
import { thousands } from '../thousands.js';
import type { Sweep } from './sweep-file.js';

/** A run that is to be made. `output` is its folder, which exists once it is finished. */
export interface PlannedRun {
  /** What sets it apart in the sweep; the same for its repeats. */
  group: string;
  /** From 1. */
  repeat: number;
  options: ExperimentOptions & { output: string };
}

/**
 * Every combination of what the sweep lists, repeated. The repeats are the outermost loop, so that a machine that
 * changes with time changes for all groups alike, and the first round already shows all of them.
 *
 * Throws BlkscopeError: TOO_MANY_RUNS; BAD_SWEEP where two combinations would get the same folder.
 *
 * @example
 * for (const { options } of planSweep(readSweep('sweep.yaml'))) console.log(options.output);
 */
export function planSweep(sweep: Sweep): PlannedRun[] {
  requireCountable(dimensions(sweep).reduce((product, { values }) => product * values.length, sweep.repeat));
  const groups = combinations(sweep);
  refuseTwins(groups);
  return Array.from({ length: sweep.repeat }, (_, i) => i + 1).flatMap((repeat) =>
    groups.map(({ name, options }) => ({
      group: name,
      repeat,
      options: { ...options, output: join(sweep.output, repeatName(name, repeat)) },
    })),
  );
}

/** A run takes seconds: more are a mistake, and would fill the memory before the first is made. */
const mostRuns = 100_000;

function requireCountable(runs: number): void {
  if (runs <= mostRuns) return;
  throw new BlkscopeError(
    'TOO_MANY_RUNS',
    `${thousands(runs)} runs are asked for; at most ${thousands(mostRuns)} can be made at once: list fewer values or repeats`,
  );
}

/**
 * The same run several times, into folders below `output`. Throws BlkscopeError TOO_MANY_RUNS.
 *
 * @example
 * await runPlanned(planRepeats({ model: 'model.gguf', output: 'runs/three' }, 3));
 */
export function planRepeats(options: ExperimentOptions & { output: string }, repeats: number): PlannedRun[] {
  requireCountable(repeats);
  const group = basename(options.output);
  return Array.from({ length: repeats }, (_, i) => ({
    group,
    repeat: i + 1,
    options: { ...options, output: join(options.output, repeatName(group, i + 1)) },
  }));
}

/** A run's folder is its group and the number of its repeat; `groupOfFolder` takes it apart again. */
function repeatName(group: string, repeat: number): string {
  return `${group}-r${repeat}`;
}

export function groupOfFolder(name: string): string {
  return name.replace(/-r\d+$/, '');
}

interface Dimension {
  /** What it is called in a comparison, see report/conditions.ts. */
  condition: string;
  label(value: never): string;
  values: readonly unknown[];
  options(value: never): Partial<ExperimentOptions>;
}

/** Options that differ between the groups, in the order in which they appear in a name. */
function dimensions(sweep: Sweep): Dimension[] {
  const workload = (key: 'tokens' | 'context' | 'threads', letter: string): Dimension => ({
    condition: key,
    label: (value: number) => `${letter}${value}`,
    values: sweep[key] ?? [undefined],
    options: (value: number | undefined) => ({ workload: given({ [key]: value }) }),
  });
  return [
    {
      condition: 'model',
      label: (model: Sweep['model'][number]) => basename(modelPath(model)).replace(/\.gguf$/i, ''),
      values: sweep.model,
      options: (model: Sweep['model'][number]) => ({ model: modelPath(model) }),
    },
    {
      condition: 'memory',
      label: (p: Sweep['pressure'][number]) =>
        p.mode === 'none' ? 'none' : `${p.mode}-${formatSize(p.bytes).replace(' ', '')}`,
      values: sweep.pressure,
      options: (pressure: Sweep['pressure'][number]) => ({ pressure }),
    },
    workload('tokens', 'n'),
    workload('context', 'c'),
    workload('threads', 't'),
    {
      condition: 'readahead',
      label: (kib: number) => `ra${kib}`,
      values: sweep.readahead ?? [undefined],
      options: (readAheadKib: number | undefined) => given({ readAheadKib }),
    },
    {
      condition: 'repack',
      label: (repack: boolean) => (repack ? 'repack' : 'no-repack'),
      values: sweep.repack ?? [undefined],
      options: (repack: boolean | undefined) => ({ workload: given({ repack }) }),
    },
    {
      condition: 'other options',
      label: (text: string) => argumentsOf(text).join('-').replace(/^-+/, '') || 'as-is',
      values: sweep.arguments ?? [undefined],
      options: (text: string | undefined) => ({
        workload: given({ extraArgs: text === undefined ? undefined : argumentsOf(text) }),
      }),
    },
  ];
}

/** What the sweep varies, as comparisons call it. */
export function variedIn(sweep: Sweep): string[] {
  return dimensions(sweep)
    .filter(({ values }) => values.length > 1)
    .map(({ condition }) => condition);
}

function argumentsOf(text: string): string[] {
  return text.split(/\s+/).filter((each) => each !== '');
}

interface Combination {
  name: string;
  options: ExperimentOptions;
}

function combinations(sweep: Sweep): Combination[] {
  const { llama, cache, prompt, seed, timeLimit, env, touches } = sweep;
  const timeLimitMs = timeLimit === undefined ? undefined : timeLimit * 1000;
  let all = [
    {
      parts: [] as string[],
      options: { cache, workload: given({ prompt, seed, timeLimitMs, env }), ...given({ llama, touches }) },
    },
  ];
  for (const { label, values, options } of dimensions(sweep)) {
    all = all.flatMap((before) =>
      values.map((value) => {
        const more = options(value as never);
        return {
          parts: values.length > 1 ? [...before.parts, label(value as never)] : before.parts,
          options: { ...before.options, ...more, workload: { ...before.options.workload, ...more.workload } },
        };
      }),
    );
  }
  return all.map(({ parts, options }) => ({
    name: parts.join('.').replace(/[^\w.+-]+/g, '_') || 'run',
    options: options as ExperimentOptions,
  }));
}

function refuseTwins(groups: readonly Combination[]): void {
  const seen = new Set<string>();
  for (const { name } of groups) {
    if (seen.has(name)) {
      throw new BlkscopeError(
        'BAD_SWEEP',
        `two combinations of the sweep would both be called ${name}: list each value once, models of the same name in sweeps of their own`,
      );
    }
    seen.add(name);
  }
}

function modelPath(model: Sweep['model'][number]): string {
  return typeof model === 'string' ? model : model.path;
}

import type { Summary } from '../figures/summary-schema.js';
import type { RunConfig } from '../run/config.js';
import { tooSmallToTell } from '../workload/weights.js';
import { contentionCell } from './contention.js';
import * as format from './format.js';

/** A run as a comparison sees it; `config` null: how it was asked for is not known. */
export interface Compared {
  summary: Summary;
  config: RunConfig | null;
}

export interface Condition {
  label: string;
  value(run: Compared): string;
}

/** What was chosen when a run was made: where runs differ in two of these, nobody knows which of them made a change. */
export const chosen: readonly Condition[] = [
  { label: 'model', value: model },
  { label: 'memory', value: pressure },
  { label: 'pinned', value: ({ summary }) => sizeOr(summary.memory.pinnedBytes) },
  { label: 'streamed', value: ({ summary }) => sizeOr(summary.memory.stream?.bytesPerRound ?? 0) },
  { label: 'cache at start', value: ({ summary }) => summary.memory.cacheState ?? '-' },
  { label: 'readahead', value: ({ summary }) => readAhead(summary) },
  { label: 'tokens', value: tokens },
  { label: 'threads', value: (run) => asked(run, 'threads', 'as the program does') },
  { label: 'context', value: (run) => asked(run, 'context', 'as needed') },
  { label: 'prompt', value: prompt },
  { label: 'seed', value: (run) => asked(run, 'seed', '1') },
  { label: 'repack', value: (run) => asked(run, 'repack', 'no') },
  { label: 'other options', value: otherOptions },
  { label: 'engine', value: engine },
  { label: 'blkscope', value: ({ config }) => config?.versions?.blkscope ?? '-' },
  { label: 'kernel', value: ({ summary }) => summary.source.kernel },
  { label: 'machine', value: machine },
  { label: 'eviction', value: eviction },
  { label: 'disk', value: disk },
];

/** What came of it, and how far the figures can be trusted. */
export const outcomes: readonly Condition[] = [
  { label: 'weights', value: ({ summary }) => weights(summary) },
  { label: 'trace', value: ({ summary }) => completeness(summary.integrity.complete) },
  { label: 'others took', value: ({ summary }) => contentionCell(summary) },
];

/** The labels of the conditions in which groups of runs differ; of each group all that its runs have. */
export function differences(groups: readonly (readonly Compared[])[]): string[] {
  const valuesOf = (runs: readonly Compared[], { value }: Condition) =>
    [...new Set(runs.map(value))].sort().join('\n');
  return chosen
    .filter((condition) => new Set(groups.map((runs) => valuesOf(runs, condition))).size > 1)
    .map(({ label }) => label);
}

function model({ summary: { model: found } }: Compared): string {
  if (!found) return '-';
  const [first = '', ...others] = found.files;
  const parts = others.length === 0 ? '' : ` and ${format.counted(others.length, 'part')}`;
  return `${first.split('/').at(-1)}${parts}, ${format.size(found.bytes)}`;
}

function sizeOr(bytes: number): string {
  return bytes > 0 ? format.size(Math.round(bytes)) : '-';
}

function readAhead({ memory }: Summary): string {
  return memory.readAheadKib === null ? '-' : `${memory.readAheadKib} KiB`;
}

function pressure({ summary: { memory }, config }: Compared): string {
  if (memory.mode === 'none') return memory.totalBytes === null ? '-' : 'not limited';
  if (memory.mode === 'limit') return `limit ${format.size(memory.limitBytes ?? 0)}`;
  if (memory.mode === 'lock') return `${format.size(memory.lockedBytes)} locked`;
  // What had to be locked to leave so much is another amount each time.
  const { bytes } = (config?.options?.pressure ?? {}) as { bytes?: number };
  return `${format.size(bytes ?? memory.availableBefore ?? 0)} left`;
}

type Workload = Record<string, unknown>;

function workloadOf({ config }: Compared): Workload | null {
  return config ? ((config.options?.workload ?? {}) as Workload) : null;
}

function asked(run: Compared, key: string, otherwise: string): string {
  const workload = workloadOf(run);
  if (!workload) return '-';
  const value = workload[key];
  return value === undefined ? otherwise : value === true ? 'yes' : value === false ? 'no' : String(value);
}

/** What came out, where the program says so: an end before the last token makes another run. */
function tokens({ summary: { workload } }: Compared): string {
  return workload?.tokens == null ? '-' : format.count(workload.tokens);
}

function prompt(run: Compared): string {
  const workload = workloadOf(run);
  if (!workload) return '-';
  const { prompt: text, promptTokens } = workload;
  if (typeof text === 'string') return JSON.stringify(text);
  return promptTokens === undefined ? 'default' : `${promptTokens} tokens`;
}

function otherOptions(run: Compared): string {
  const extra = workloadOf(run)?.extraArgs;
  return Array.isArray(extra) && extra.length > 0 ? extra.join(' ') : '-';
}

function engine({ summary: { workload }, config }: Compared): string {
  if (!workload) return '-';
  const version = config?.versions?.[workload.engine];
  return version ? `${workload.engine} ${version}` : workload.engine;
}

function machine({ summary: { memory }, config }: Compared): string {
  const { cpu: name, cpus } = config?.machine ?? {};
  const cpu = name && cpus ? `${cpus} x ${name}, ` : '';
  return memory.totalBytes === null ? cpu || '-' : `${cpu}${format.size(memory.totalBytes)}`;
}

function eviction({ config }: Compared): string {
  const { reclaim } = config?.machine ?? {};
  if (!reclaim) return '-';
  return [reclaim.generations ? 'by generations' : 'by two lists', ...reclaim.ahead].join('; ');
}

function disk({ summary: { source }, config }: Compared): string {
  const sectors = config?.devices?.[0]?.sectors;
  return sectors ? `${source.device}, ${format.size(sectors * 512)}` : source.device;
}

function weights({ workload, model: found }: Summary): string {
  if (!workload) return '-';
  return workload.weights ?? (found && tooSmallToTell(found.bytes) ? 'too small to tell' : '-');
}

function completeness(complete: boolean | null): string {
  if (complete === null) return 'loss unknown';
  return complete ? 'whole' : 'INCOMPLETE';
}

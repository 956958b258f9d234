import * as z from 'zod';
import { BlkscopeError } from '../errors.js';
import { sudoCaller } from '../files/caller.js';
import { complaintOf } from '../options/complaint.js';
import type { Run } from '../store/open-run.js';
import type { ExperimentOptions } from './options.js';
import { given } from './trace-options.js';

const text = z.string();
const flag = z.boolean();
const count = z.int().nonnegative();
const sector = count.transform(BigInt);

const workload = z.object({
  prompt: text.optional(),
  promptTokens: count.optional(),
  tokens: count.optional(),
  threads: count.optional(),
  context: count.optional(),
  batch: count.optional(),
  seed: count.optional(),
  temperature: z.number().nonnegative().optional(),
  extraArgs: z.array(text).optional(),
  env: z.record(text, text).optional(),
  timeLimitMs: z.number().positive().optional(),
  mmap: flag.optional(),
  mlock: flag.optional(),
  repack: flag.optional(),
});

const pressure = z.union([
  z.object({ mode: z.literal('none') }),
  z.object({ mode: z.enum(['lock', 'leave', 'limit']), bytes: count }),
]);

const pin = z.object({
  bytes: z.union([z.literal('auto'), count]),
  plan: text.optional(),
  order: z.enum(['use', 'file']).optional(),
  stream: flag.optional(),
});

/**
 * What of a config's options is done again. Its user may have written anything into it, and blkscope may run as root: what
 * is not here is left out.
 */
const repeated = z.object({
  model: text,
  llama: text.optional(),
  workload: workload.optional(),
  pressure: pressure.optional(),
  pin: pin.optional(),
  cache: z.enum(['cold', 'warm', 'asIs']).optional(),
  dropCaches: flag.optional(),
  readAheadKib: count.optional(),
  profileTouches: flag.optional(),
  touches: flag.optional(),
  account: flag.optional(),
  source: z.enum(['auto', 'relay', 'ftrace']).optional(),
  actions: z.enum(['needed', 'all']).optional(),
  bufferBytes: count.optional(),
  bufferCount: count.optional(),
  firstSector: sector.optional(),
  lastSector: sector.optional(),
  pid: count.optional(),
  spoolBytes: count.optional(),
  spoolDirectory: text.optional(),
  spoolFileBytes: count.optional(),
  spoolTmpfsBytes: count.optional(),
  onFull: z.enum(['drop', 'stop']).optional(),
});

/**
 * What a finished run asked for. Throws BlkscopeError: FOREIGN_RUN for somebody else's, NOT_REPEATABLE for a recording or an
 * import, BAD_CONFIG.
 */
export function askedOf(run: Run): ExperimentOptions {
  const { path, config } = run;
  if (config.kind !== 'run') {
    throw new BlkscopeError(
      'NOT_REPEATABLE',
      `${path}: only a run that 'blkscope run' made can be made again; this is one of 'blkscope ${config.kind}'`,
    );
  }
  requireOwn(run);
  const checked = repeated.safeParse(config.options, { reportInput: true });
  if (checked.success) return withoutUndefined(checked.data);
  throw new BlkscopeError(
    'BAD_CONFIG',
    `${path}/config.json: options.${complaintOf(checked.error)}; the file was changed or is damaged`,
  );
}

/** The same with the readahead that it had, whatever the disk has now. */
export function optionsOf(run: Run): ExperimentOptions {
  const options = askedOf(run);
  const { readAheadKib } = run.summary.memory;
  return options.profileTouches || readAheadKib === null ? options : { ...options, readAheadKib };
}

function withoutUndefined({ workload, pin, ...others }: z.output<typeof repeated>): ExperimentOptions {
  return given({ ...others, workload: workload && given(workload), pin: pin && given(pin) });
}

/** A config names programs, files and variables: to make somebody else's run again is to run what he likes. */
function requireOwn({ path, madeBy }: Run): void {
  if (madeBy === null || [0, process.geteuid?.(), sudoCaller()?.uid].includes(madeBy)) return;
  throw new BlkscopeError(
    'FOREIGN_RUN',
    `${path}: user ${madeBy} made that run, and to make it again would run the program that it names; make the run yourself first`,
  );
}

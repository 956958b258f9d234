import * as z from 'zod';
import { BlkscopeError } from '../errors.js';
import { complaintOf } from '../options/complaint.js';
import type { RunConfig } from './config.js';

const text = z.string();
const number = z.number();
const looseObject = z.looseObject;

/** What blkscope reads of a config.json, its own or of an older or newer release's, which may lack some and have more. */
export const configSchema = looseObject({
  kind: text,
  commandLine: z.array(text).nullish(),
  startedAt: text.nullish(),
  startedNs: number.nullish(),
  options: looseObject({
    model: text.optional(),
    workload: looseObject({ threads: number.nullish() }).nullish(),
  }).nullish(),
  versions: z.record(text, text.nullable()).nullish(),
  machine: looseObject({
    host: text.optional(),
    cpus: number.optional(),
    pageBytes: number.optional(),
    reclaim: looseObject({ generations: z.boolean().nullable(), ahead: z.array(text) }).optional(),
  }).nullish(),
  devices: z.array(looseObject({ name: text })).nullish(),
  files: z.array(looseObject({ path: text })).nullish(),
});

/** A run's config. Throws BlkscopeError BAD_CONFIG, which names the key that is wrong. */
export function checkedConfig(path: string, config: unknown): RunConfig {
  const checked = configSchema.safeParse(config, { reportInput: true, jitless: true });
  if (checked.success) return config as RunConfig;
  throw new BlkscopeError(
    'BAD_CONFIG',
    `${path}: ${complaintOf(checked.error)}; the file was changed or is damaged`,
  );
}

import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import type { LineCounter, YAMLParseError } from 'yaml';
import * as z from 'zod';
import { BlkscopeError, whyUnreadable } from '../errors.js';
import { readText } from '../files/read.js';
import { type PresetName, presets, weightMixes } from '../model/synthetic-shape.js';
import { complaintAbout } from '../options/complaint.js';
import { environment, size, whole } from '../options/fields.js';

/** One value, or a list of them to go through. */
const oneOrMore = <T extends z.ZodType>(value: T) =>
  z
    .union([value, z.array(value).min(1)])
    .transform((given) => (Array.isArray(given) ? given : [given]) as z.output<T>[]);

const pressure = z
  .union(
    [
      z.literal('none'),
      z.strictObject({ lock: size }),
      z.strictObject({ leave: size }),
      z.strictObject({ limit: size }),
    ],
    {
      error: 'is not a pressure; write none, {lock: SIZE}, {leave: SIZE} or {limit: SIZE}',
    },
  )
  .transform((value) => {
    if (value === 'none') return { mode: 'none' as const };
    const [mode, bytes] = Object.entries(value)[0] as ['lock' | 'leave' | 'limit', number];
    return { mode, bytes };
  });

const model = z.union([
  z.string(),
  z.strictObject({
    path: z.string(),
    /** Makes the file, of random weights, where it is missing. */
    synthesize: z.enum(Object.keys(presets) as [PresetName, ...PresetName[]]),
    bytes: size.optional(),
    layers: whole.positive().optional(),
    weights: z.enum(weightMixes).optional(),
    seed: whole.nonnegative().optional(),
    router: z.union([z.literal('uniform'), z.strictObject({ zipf: z.number().nonnegative() })]).optional(),
  }),
]);

const sweepSchema = z.strictObject({
  /** Folder of the runs; default: runs/ and the file's name. */
  output: z.string().optional(),
  repeat: whole.positive().default(1),
  llama: z.string().optional(),
  cache: z.enum(['cold', 'warm', 'asIs']).default('cold'),
  prompt: z.string().optional(),
  seed: whole.nonnegative().optional(),
  /** Watches what tokens use of the model. */
  touches: z.boolean().optional(),
  /** Variables that each workload gets. */
  env: environment.optional(),
  /** Seconds for each workload. */
  timeLimit: z.number().positive().optional(),
  model: oneOrMore(model),
  pressure: oneOrMore(pressure).default([{ mode: 'none' }]),
  tokens: oneOrMore(whole.positive()).default([100]),
  context: oneOrMore(whole.positive()).optional(),
  threads: oneOrMore(whole.positive()).optional(),
  /** KiB. */
  readahead: oneOrMore(whole.nonnegative()).optional(),
  /** Whether llama.cpp may copy the weights. */
  repack: oneOrMore(z.boolean()).optional(),
  /** Options of llama.cpp's as one writes them behind `--`, parted by spaces. */
  arguments: oneOrMore(z.string()).optional(),
});

/** What a sweep's file holds, with its defaults. */
type SweepFile = z.output<typeof sweepSchema>;

/**
 * A sweep as its file asks for it: each list is gone through. Paths are as they are there, relative to where blkscope is started.
 * docs/experiment.md has every key.
 */
export interface Sweep extends SweepFile {
  /** Folder of the runs. */
  output: string;
}

/** A sweep of all the runs that one may have, each value in a line of its own, has less. */
const mostBytes = 2 ** 20;

/**
 * Reads a sweep's YAML or JSON, which YAML includes.
 *
 * Throws BlkscopeError: ENOENT and the like; NOT_A_FILE, TOO_LARGE; BAD_SWEEP, which names the line and the key that are wrong.
 *
 * @example
 * const sweep = readSweep('sweep.yaml');
 */
export function readSweep(path: string): Sweep {
  let text: string;
  try {
    text = readText(path, mostBytes);
  } catch (cause) {
    if (cause instanceof BlkscopeError) throw cause;
    const { code = 'EIO' } = cause as NodeJS.ErrnoException;
    const why = whyUnreadable(cause as NodeJS.ErrnoException);
    throw new BlkscopeError(code, `${path}: the sweep cannot be read: ${why}`, 'usage', { cause });
  }
  const sweep = parseSweep(text, path);
  const name = basename(path).replace(/\.(ya?ml|json)$/i, '');
  return { ...sweep, output: resolve(sweep.output ?? join('runs', name)) };
}

const load = createRequire(import.meta.url);

/** Loaded with the first sweep, since programs that read none need not wait for it. */
const yaml = () => load('yaml') as typeof import('yaml');

type SweepDocument = ReturnType<typeof import('yaml').parseDocument>;

/** `path` is for messages alone. */
export function parseSweep(text: string, path: string): SweepFile {
  const { LineCounter } = yaml();
  const lines = new LineCounter();
  const document = parsed(text, lines, path);
  const broken = document.errors[0];
  if (broken) {
    throw badSweep(path, lines.linePos(broken.pos[0]).line, reasonOf(broken));
  }
  if (document.contents === null) throw badSweep(path, 1, 'the file is empty');
  const checked = sweepSchema.safeParse(plainValue(document, path), { reportInput: true });
  if (checked.success) return checked.data;
  const { where, why } = complaintAbout(checked.error.issues[0] as z.core.$ZodIssue);
  const node = nearestNode(document, where);
  const line = lines.linePos(node?.range?.[0] ?? 0).line;
  throw badSweep(path, line, `${where.join('.') || 'the file'}: ${why}`);
}

const nestedTooDeeply = 'it is nested too deeply';

function reasonOf({ code, message }: YAMLParseError): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins; write one';
  if (/call stack/i.test(message)) return nestedTooDeeply;
  return message.split('\n')[0]?.replace(/ at line \d+.*$/, '') ?? code;
}

/** The library recurses over what is nested. */
function parsed(text: string, lines: LineCounter, path: string): SweepDocument {
  try {
    return yaml().parseDocument(text, { lineCounter: lines });
  } catch {
    throw badSweep(path, 1, nestedTooDeeply);
  }
}

function plainValue(document: SweepDocument, path: string): unknown {
  try {
    return document.toJS();
  } catch {
    throw badSweep(path, 1, 'its aliases stand for too much, or for nothing');
  }
}

function badSweep(path: string, line: number, why: string): BlkscopeError {
  return new BlkscopeError(
    'BAD_SWEEP',
    `${path}:${line}: ${why}; docs/experiment.md lists what a sweep may hold`,
  );
}

/** The node at a path, or the last one on the way to it that is there. */
function nearestNode(document: SweepDocument, path: PropertyKey[]) {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (yaml().isMap(parent)) {
      const pair = parent.items.find(({ key }) => String(key) === String(path[length - 1]));
      if (pair) return pair.key as { range?: [number, number, number] };
    }
    const node = document.getIn(path.slice(0, length), true) as
      | { range?: [number, number, number] }
      | undefined;
    if (node?.range) return node;
  }
  return document.contents;
}

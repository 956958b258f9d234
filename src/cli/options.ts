import { InvalidArgumentError, Option } from 'commander';
import { given } from '../experiment/trace-options.js';
import { parseSize } from '../memory/size.js';
import type { ActionChoice, OnFull, SourceKind } from '../native/trace.js';

/** Option values as commander hands them to the commands that trace. */
export interface TraceFlags {
  source: 'auto' | SourceKind;
  actions: ActionChoice;
  bufferSize?: number;
  bufferCount?: number;
  lba?: SectorRange;
  pid?: number;
  spoolSize?: number;
  spool?: string;
  spoolLimit?: number;
  spoolTmpfs?: number;
  onFull?: OnFull;
  mount?: boolean;
  output?: string;
  json?: boolean;
  watch?: boolean;
}

/** Sectors, both ends included; no last one: to the end of the disk. */
interface SectorRange {
  firstSector: bigint;
  lastSector?: bigint;
}

function sectorRange(text: string): SectorRange {
  const [, first, last] = /^(\d+)-(\d*)$/.exec(text) ?? [];
  if (first === undefined)
    throw new InvalidArgumentError(`'${text}' is not a range of sectors such as 0-2047 or 2048-.`);
  const range = { firstSector: BigInt(first), ...(last ? { lastSector: BigInt(last) } : {}) };
  if (range.lastSector !== undefined && range.lastSector < range.firstSector) {
    throw new InvalidArgumentError(`'${text}' ends before it starts.`);
  }
  return range;
}

export function positive(text: string): number {
  const value = count(text);
  if (value > 0) return value;
  throw new InvalidArgumentError(`'${text}' is not above 0.`);
}

/** Of nothing there is no size: who wants none leaves the option out. */
export function size(text: string): number {
  const bytes = parsed(text);
  if (bytes > 0) return bytes;
  throw new InvalidArgumentError('a size of 0 bytes makes no sense.');
}

function parsed(text: string): number {
  try {
    return parseSize(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Of the smallest page: the kernel makes whole pages of its own size of what is asked. */
const leastBufferBytes = 4096;

function bufferSize(text: string): number {
  const bytes = size(text);
  if (bytes >= leastBufferBytes) return bytes;
  throw new InvalidArgumentError(`'${text}' is too small; the smallest is 4K.`);
}

export function count(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError(`'${text}' is not a whole number, 0 or more.`);
}

export function seconds(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value * 1000;
  throw new InvalidArgumentError(`'${text}' is not a number of seconds above 0.`);
}

export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Of every command that starts a program. */
export const environmentOption = (): Option =>
  new Option(
    '--env <name[=value]>',
    'a variable that the program gets of the environment; can be repeated (default: PATH, HOME, the language and what llama.cpp reads)',
  ).argParser(collect);

/** The options that every tracing command has; letters as in blktrace. */
export const traceOptions = (): Option[] => [
  ...tracingOptions().map((option) => option.helpGroup('Tracing:')),
  ...[
    new Option('-o, --output <dir>', 'the run folder (default: in runs/, named by the time)'),
    new Option('--json', 'print summary.json instead of the report'),
  ].map((option) => option.helpGroup('What is printed:')),
];

const tracingOptions = (): Option[] => [
  new Option('--source <source>', 'where events come from: relay files, the ftrace ring, or what works here')
    .choices(['auto', 'relay', 'ftrace'])
    .default('auto'),
  new Option('--actions <actions>', 'which events the kernel records: those that the report needs, or all')
    .choices(['needed', 'all'])
    .default('needed'),
  new Option(
    '-b, --buffer-size <size>',
    "size of the kernel's buffer (ftrace) or sub-buffer (relay) for each CPU",
  ).argParser(bufferSize),
  new Option('--buffer-count <count>', 'number of sub-buffers for each CPU').argParser(positive),
  new Option('--lba <start-end>', 'trace only I/Os that start in these sectors of the disk').argParser(
    sectorRange,
  ),
  new Option('--pid <pid>', 'trace only events that happen while this thread runs').argParser(positive),
  new Option(
    '--spool-size <size>',
    'the most memory for events that wait for the analysis (default: 256M)',
  ).argParser(size),
  new Option('--spool <dir>', 'when that memory is full, continue in files in this folder').conflicts(
    'spoolTmpfs',
  ),
  new Option('--spool-limit <size>', 'the most that the files of --spool may take (default: 8G)').argParser(
    size,
  ),
  new Option(
    '--spool-tmpfs <size>',
    'mount a tmpfs of SIZE for these files, and unmount it afterwards',
  ).argParser(size),
  new Option(
    '--on-full <policy>',
    'when no room is left for events: drop and count them, or stop the capture',
  )
    .choices(['drop', 'stop'])
    .default('drop'),
  new Option('--mount', 'mount tracefs and debugfs for the run where they are not mounted'),
  new Option('--watch', 'show what goes on, on the whole screen, while it is traced'),
];

/** The flags as the API's options. */
export function traceSettings(flags: TraceFlags) {
  return {
    source: flags.source,
    actions: flags.actions,
    mount: flags.mount ?? false,
    ...(flags.bufferSize === undefined ? {} : { bufferBytes: flags.bufferSize }),
    ...(flags.bufferCount === undefined ? {} : { bufferCount: flags.bufferCount }),
    ...(flags.lba ?? {}),
    ...(flags.pid === undefined ? {} : { pid: flags.pid }),
    ...(flags.spoolSize === undefined ? {} : { spoolBytes: flags.spoolSize }),
    ...given({
      spoolDirectory: flags.spool,
      spoolFileBytes: flags.spoolLimit,
      spoolTmpfsBytes: flags.spoolTmpfs,
      onFull: flags.onFull,
    }),
    ...(flags.output === undefined ? {} : { output: flags.output }),
  };
}

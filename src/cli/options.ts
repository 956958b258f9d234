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
}

/** Sectors, both ends included; no last one: to the end of the disk. */
interface SectorRange {
  firstSector: bigint;
  lastSector?: bigint;
}

export function sectorRange(text: string): SectorRange {
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

export function size(text: string): number {
  try {
    return parseSize(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Of a page: the kernel's buffers are made of whole ones. */
const leastBufferBytes = 4096;

export function bufferSize(text: string): number {
  const bytes = size(text);
  if (bytes >= leastBufferBytes) return bytes;
  throw new InvalidArgumentError(`'${text}' is too little: 4K is the least.`);
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

/** The options that every tracing command has; letters as in blktrace. */
export const traceOptions = (): Option[] => [
  new Option('-o, --output <dir>', 'the run folder (default: runs/ and a name from the time)'),
  new Option('--source <source>', 'where events come from')
    .choices(['auto', 'relay', 'ftrace'])
    .default('auto'),
  new Option('--actions <actions>', 'what the kernel is asked for')
    .choices(['needed', 'all'])
    .default('needed'),
  new Option('-b, --buffer-size <size>', "the kernel's buffer, or sub-buffer, per CPU").argParser(bufferSize),
  new Option('-n, --buffer-count <count>', 'how many sub-buffers per CPU').argParser(positive),
  new Option('--lba <start-end>', 'only I/Os that start in these sectors of the disk').argParser(sectorRange),
  new Option('--pid <pid>', 'only events in the time of this thread: what it queues').argParser(positive),
  new Option('--spool-size <size>', 'the most memory the capture may take (default: 256M)').argParser(size),
  new Option('--spool <dir>', 'go on in files there when that memory is full').conflicts('spoolTmpfs'),
  new Option('--spool-limit <size>', 'the most that --spool may take (default: 8G)').argParser(size),
  new Option(
    '--spool-tmpfs <size>',
    'mount a tmpfs of this size for that, and unmount it afterwards',
  ).argParser(size),
  new Option('--on-full <policy>', 'when the spool is full: drop events and count them, or stop the capture')
    .choices(['drop', 'stop'])
    .default('drop'),
  new Option('--mount', 'mount tracefs and debugfs for the run where they are not mounted'),
  new Option('--json', 'print summary.json instead of the report'),
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

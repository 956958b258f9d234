import * as z from 'zod';
import { BlkscopeError } from '../errors.js';
import { requireDevice } from '../machine/device-name.js';
import type { SignalOptions } from '../machine/put-back.js';
import { locateEach } from '../machine/traced-files.js';
import type {
  ActionChoice,
  NativeExtents,
  NativeTracerOptions,
  OnFull,
  RingAccess,
  SourceKind,
} from '../native/trace.js';
import { checked } from '../options/checked.js';
import { abortSignal, flag, name, names, natural, sector, size, someSize, text } from '../options/fields.js';
import type { ByteSize } from '../options/sized.js';

/** What `Tracer.start` is asked for. Only `devices` or `files` must be given. */
export interface TracerOptions extends SignalOptions {
  /**
   * The block devices to trace, by kernel name (`vda`, `nvme0n1`, `dm-0`), path or link (`/dev/vda`,
   * `/dev/disk/by-id/...`). Default: the disk that the files lie on.
   */
  devices?: readonly string[];
  /** Default `auto`: relay, and ftrace where relay is refused. */
  source?: 'auto' | SourceKind;
  /** Default `needed`: what the report needs; the kernel then does less for the traced workload. */
  actions?: ActionChoice;
  /** How ftrace's ring is read. Default `pages`, the cheaper. */
  ring?: RingAccess;
  /**
   * Files whose coverage is counted, by path, or by their extents on the first device. They lie on one disk, which is then the first
   * device.
   */
  files?: readonly (string | NativeExtents)[];
  /** Bytes of a kernel sub-buffer, or `64K`. Default: by the rate that the devices can make. */
  bufferBytes?: ByteSize;
  /** How many sub-buffers a CPU gets. Default: by the rate that the devices can make. */
  bufferCount?: number;
  /** Only I/Os that start in these sectors of the whole disk, both included; the kernel drops the others. */
  firstSector?: bigint | number;
  lastSector?: bigint | number;
  /**
   * Only events that happen while this thread runs. That is whole for what it queues; a completion comes in an interrupt,
   * in whichever thread's time, so that counts of completed I/Os are partial.
   */
  pid?: number;
  /** Memory that events may wait in. Default 256 MiB. */
  spoolBytes?: ByteSize;
  /** Where the spool goes on in files when its memory is used up. Default: nowhere. */
  spoolDirectory?: string;
  /** The most it may take there. Default 8 GiB. */
  spoolFileBytes?: ByteSize;
  /** What happens when the spool is full. Default `drop`: what comes is dropped, counted and placed in time. */
  onFull?: OnFull;
  /** Default true; false when only the summary is wanted: nothing can be iterated then. */
  deliver?: boolean;
  /** Ends the tracing when it aborts; the iteration then ends when all is drained. */
  signal?: AbortSignal;
}

const extents = () =>
  z.strictObject({
    bytes: natural,
    fileOffsets: z.instanceof(BigUint64Array),
    sectors: z.instanceof(BigUint64Array),
    sectorCounts: z.instanceof(BigUint64Array),
  });

/** Made when a tracer is asked for: to load what makes it takes longer than all else that is loaded with a tracer. */
const shape = (): Record<keyof TracerOptions, z.ZodType> => ({
  devices: names.min(1).optional(),
  source: z.enum(['auto', 'relay', 'ftrace']).optional(),
  actions: z.enum(['needed', 'all']).optional(),
  ring: z.enum(['pages', 'mapped']).optional(),
  files: z.array(z.union([name, extents()], { error: 'is neither a path nor extents' })).optional(),
  bufferBytes: size.optional(),
  bufferCount: natural.optional(),
  firstSector: sector.optional(),
  lastSector: sector.optional(),
  pid: natural.max(2 ** 32 - 1).optional(),
  spoolBytes: someSize.optional(),
  spoolDirectory: text.optional(),
  spoolFileBytes: size.optional(),
  onFull: z.enum(['drop', 'stop']).optional(),
  deliver: flag.optional(),
  signal: abortSignal.optional(),
  undoOnSignals: flag.optional(),
});

/** As the schema gives them. */
type CheckedOptions = Omit<TracerOptions, 'firstSector' | 'lastSector' | `${string}Bytes`> & {
  firstSector?: bigint;
  lastSector?: bigint;
  bufferBytes?: number;
  spoolBytes?: number;
  spoolFileBytes?: number;
};

/** What a tracer is made from: the native session's options, and those of the JavaScript side. */
export interface TracerSetup {
  native: Omit<NativeTracerOptions, 'journalDirectory'>;
  signal: AbortSignal | undefined;
  signals: SignalOptions;
}

/** Throws BlkscopeError: BAD_ARGUMENT, NO_DEVICE, WRONG_DEVICE, and what locateEach throws. */
export function tracerSetup(options: TracerOptions): TracerSetup {
  const given = checked<CheckedOptions>(z.strictObject(shape()), options, 'Tracer.start');
  const { firstSector = 0n, lastSector = 2n ** 64n - 1n } = given;
  if (lastSector < firstSector)
    throw new BlkscopeError('BAD_ARGUMENT', 'Tracer.start: lastSector: lies before firstSector');
  return {
    native: {
      ...targets(given),
      source: given.source ?? 'auto',
      actions: given.actions ?? 'needed',
      ring: given.ring ?? 'pages',
      bufferBytes: given.bufferBytes ?? 0,
      bufferCount: given.bufferCount ?? 0,
      firstSector,
      lastSector,
      pid: given.pid ?? 0,
      spoolBytes: given.spoolBytes ?? 256 * 2 ** 20,
      spoolDirectory: given.spoolDirectory ?? '',
      spoolFileBytes: given.spoolFileBytes ?? 8 * 2 ** 30,
      onFull: given.onFull ?? 'drop',
      deliver: given.deliver ?? true,
    },
    signal: given.signal,
    signals: { undoOnSignals: given.undoOnSignals ?? true },
  };
}

/** The native session takes the extents of files for sectors of the first device. */
function targets({
  devices: asked,
  files = [],
}: CheckedOptions): Pick<NativeTracerOptions, 'devices' | 'files'> {
  const paths = files.filter((file) => typeof file === 'string');
  const located = paths.length > 0 ? locateEach(paths) : null;
  const named = asked?.map(requireDevice);
  if (located && named && !named.includes(located.disk))
    throw new BlkscopeError(
      'WRONG_DEVICE',
      `${located.paths[0]} lies on ${located.disk}, which is not among the devices: ${named.join(', ')}`,
    );
  const devices = [...new Set([...(located ? [located.disk] : []), ...(named ?? [])])];
  if (devices.length === 0)
    throw new BlkscopeError(
      'NO_DEVICE',
      'Tracer.start: name what to trace: devices, or files by their paths',
    );
  let next = 0;
  const extentsOf = (file: string | NativeExtents) =>
    typeof file === 'string' ? (located?.extents[next++] as NativeExtents) : file;
  return { devices, files: files.map(extentsOf) };
}

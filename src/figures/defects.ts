import { BlkscopeError } from '../errors.js';
import type { NativeDefect } from '../native/trace.js';
import { thousands } from '../thousands.js';

/** A cause of an incomplete trace, as summary.json tells it. */
export interface Defect {
  code: string;
  /** What happened. */
  message: string;
  /** What to do so that it does not happen again; null where nobody knows. */
  mend: string | null;
  /** Whether events are missing, so that counts are lower bounds; else other figures are in doubt, as the message says. */
  lowerBounds: boolean;
}

/** What is told of a trace and contradicts none of its figures. */
export type Remark = Omit<Defect, 'lowerBounds'>;

interface Cause {
  message: string;
  mend: string | null;
  lowerBounds: boolean;
}

/**
 * Every cause, by its code: of a live trace, of a saved one, and of the run around it.
 *
 * `{reason}` stands for a value, `{events event}` for a number and what it counts: `1 event`, `2,000 events`;
 * `{events event is|are}` also for its verb: `1 event is`.
 */
export const causes: Record<string, Cause> = {
  KERNEL_DROPPED: {
    message:
      'the kernel dropped {events event} because its buffers were full ({buffers} of {kib} KiB per CPU)',
    mend: 'use four times as many: --buffer-count {moreBuffers}',
    lowerBounds: true,
  },
  SPOOL_FULL: {
    message: 'the spool reached its limit and dropped {events event}',
    mend: 'give it more memory with --spool-size, or files to continue in with --spool',
    lowerBounds: true,
  },
  STOPPED_WHEN_FULL: {
    message: 'the capture ended {ms} ms after its start, when the spool was full',
    mend: 'give the spool more memory with --spool-size, or files to continue in with --spool',
    lowerBounds: true,
  },
  SEQUENCE_GAPS: {
    message: '{events event} did not arrive, by the sequence numbers',
    mend: 'trace again with more buffers: --buffer-count',
    lowerBounds: true,
  },
  CAPTURE_FAILED: {
    message: 'a part of the capture ended early: {reason}',
    mend: 'remove the cause, and trace again',
    lowerBounds: true,
  },
  LIMIT_LOST: {
    message:
      'the memory cgroup of the workload was removed or changed by somebody else while it ran: no limit is reported',
    mend: 'find out what manages cgroups here, and make the run again',
    lowerBounds: false,
  },
  RING_SHARED: {
    message: 'another reader of the trace ring took {events event} away',
    mend: 'end what else reads trace_pipe or trace_pipe_raw in tracefs, and trace again',
    lowerBounds: true,
  },
  RING_OVERWRITTEN: {
    message: 'the trace ring overwrote {events event} before anybody read them',
    mend: 'leave the option overwrite of tracefs off while blkscope traces',
    lowerBounds: true,
  },
  NOT_UNDERSTOOD: {
    message: 'left out {events event} of the kernel: of a wrong length, or with an impossible time',
    mend: 'report it with the version of the kernel',
    lowerBounds: true,
  },
  COUNTED_MORE: {
    message:
      'the trace has {traced sector} {what} of {device}, the disk itself counted {counted}: more than its start and end explain',
    mend: 'trace the device that the I/O goes through, with nothing else that reads the trace',
    lowerBounds: true,
  },
  COUNTED_LESS: {
    message:
      'the trace has {traced sector} {what} of {device}, the disk itself counted only {counted}: I/Os are told more than once',
    mend: 'trace the device on top of this one',
    lowerBounds: false,
  },
  NO_COMPLETIONS: {
    message: 'none of {requests request} of {device} completed in the trace',
    mend: 'trace the device that completes them, such as the one below',
    lowerBounds: true,
  },
  CLOCKS_APART: {
    message:
      "the processors' clocks differ: {requests request seems|seem} to have completed 0.1 to 10 ms before they were issued; they are not put together, and reads among them may not be counted",
    mend: 'trace on a machine whose clock is the same on all processors; see clocksource in /sys/devices/system/clocksource',
    lowerBounds: true,
  },
  SECTOR_SET_FULL: {
    message: 'there was no more memory for the set of sectors: unique sectors and coverage are too low',
    mend: 'leave blkscope more memory, or trace for a shorter time, or fewer devices',
    lowerBounds: true,
  },
  FILE_MISSING: {
    message: '{file} is missing',
    mend: 'copy all files of the trace, one for each CPU, and import it again',
    lowerBounds: true,
  },
  NOT_RECORDS: {
    message: '{file}: {bytes byte} belong to no trace record, the first at offset {offset}',
    mend: 'copy the file again from where it was made, in binary mode',
    lowerBounds: true,
  },
  CUT_RECORD: {
    message: '{file}: it ends in the middle of a record, {bytes byte} of it at offset {offset}',
    mend: 'copy the file again when its tracer has ended',
    lowerBounds: true,
  },
  ENDS_IN_GARBAGE: {
    message:
      '{file}: {bytes byte} without a trace record came, and what follows offset {offset} was not read',
    mend: 'copy the file again from where it was made; what follows may be no trace',
    lowerBounds: true,
  },
  READ_FAILED: {
    message: '{file}: reading failed at offset {offset}: {reason}',
    mend: 'copy the file to a disk that can be read, and import it again',
    lowerBounds: true,
  },
  FILE_SEQUENCE_GAPS: {
    message: '{file}: {events event is|are} missing, by the sequence numbers',
    mend: 'make the trace again with more buffers: -n of blktrace',
    lowerBounds: true,
  },
  FILES_MISSING: {
    message: '{base}: files of CPUs {cpus} are missing',
    mend: 'copy all files of the trace, one for each CPU that was online, and import it again',
    lowerBounds: true,
  },
  IMPOSSIBLE_TIMES: {
    message: '{file}: left out {events event} with an impossible time',
    mend: 'copy the file again from where it was made, in binary mode',
    lowerBounds: true,
  },
  TWO_SESSIONS: {
    message:
      '{one} and {other} both hold events of CPU {cpu} of device {device}: they are of two sessions, and after a boot their clocks differ',
    mend: 'import each session by itself',
    lowerBounds: false,
  },
  CLOCK_MOVED: {
    message:
      "the wall clock moved by {seconds} s against the trace's clock from one file to another: they are of two boots, or the clock was set",
    mend: 'import the files of each boot by themselves',
    lowerBounds: false,
  },
  CLOCK_GOES_BACK: {
    message: '{file}: its clock goes back {times time}: several sessions are in one file',
    mend: 'import each session by itself',
    lowerBounds: false,
  },
  CLOCK_LEAPS: {
    message:
      '{file}: its clock leaps a month or more ahead {times time}: speeds and shares of time mean nothing',
    mend: 'import each session by itself',
    lowerBounds: false,
  },
  INTERRUPTED: {
    message: '{reason}',
    mend: 'let the workload end by itself',
    lowerBounds: true,
  },
  IMPORT_INTERRUPTED: {
    message: '{reason} when {events event} had been read; the rest of the trace is not in the figures',
    mend: 'import it again, to its end',
    lowerBounds: true,
  },
};

/** What is told besides: it is no cause of an incomplete trace. The same notation. */
export const remarks: Record<string, Omit<Cause, 'lowerBounds'>> = {
  LOSS_UNKNOWN: {
    message:
      'whether events were lost is not known: in records of version 1 (Linux before 6.19) a drop leaves no gap in the sequence numbers; {signs}',
    mend: null,
  },
  OPEN: {
    message: '{requests request} had not completed when the trace ended',
    mend: null,
  },
  GIVEN_UP: {
    message:
      '{requests request} never completed in the trace, though a minute later another one did at the same place: the completion was lost, or the device never gave it',
    mend: null,
  },
  LAYERS_UNKNOWN: {
    message:
      '{device} passes its I/Os on to another device, and this trace has no remaps (A) that tell to which: where it lies on another device of the trace, sums over devices count its bytes twice; take the figures by device',
    mend: null,
  },
  UNMATCHED: {
    message:
      '{requests completion has|have} no beginning in the trace: in flight at its start, of a beginning that is missing, or the second of one I/O (as of bcache). On a device that tells of issues none of them counts. On one that tells only of what is queued those count that bring sectors for the first time. On any other each counts',
    mend: null,
  },
  NO_RECORDS: {
    message:
      '{bytes byte} of the relay files belong to no trace record; lost records would show in sequence numbers or in the count of the disk',
    mend: null,
  },
  FILTERED_DUMP: {
    message:
      '{file}: {events event is|are} not in this dump, by the sequence numbers: a filter of blkparse left them out, or they were lost',
    mend: null,
  },
  ENDS_EARLY: {
    message:
      '{file} ends {seconds} s before the other files, after {events event}: the CPU was idle, or the file was cut',
    mend: null,
  },
  TOUCHES_JOINED: {
    message:
      'what was read of {model} is told token by token for the first {tokens token}; what was read for the later ones is told for all of them together',
    mend: null,
  },
  MADE_QUEUES: {
    message:
      'the queue events were made by an export, at the time of issue: demand order and the stages from Q on are not measured',
    mend: null,
  },
};

export function toldRemark({ code, values }: NativeDefect): Remark {
  const { message, mend } = remarks[code] ?? unknownCause;
  return { code, message: filled(message, values), mend: mend && filled(mend, values) };
}

/** A cause in words. */
export function toldDefect({ code, values }: NativeDefect): Defect {
  const { message, mend, lowerBounds } = causes[code] ?? unknownCause;
  const fill = (text: string) => filled(text, { code, ...values });
  return { code, message: fill(message), mend: mend && fill(mend), lowerBounds };
}

/** For a list that one line has room for. */
export function defectLine({ message, mend }: Remark): string {
  return mend === null ? message : `${message}; ${mend}`;
}

/** What to say of a trace whose counts are lower bounds; null where they are not. */
export function lossProblem(defects: readonly Defect[]): BlkscopeError | null {
  const losses = defects.filter(({ lowerBounds }) => lowerBounds);
  if (losses.length === 0) return null;
  const why = losses.map(defectLine).join('; ');
  return new BlkscopeError(
    'INCOMPLETE',
    `the trace is incomplete, its counts are lower bounds: ${why}`,
    'incomplete',
  );
}

/** Only a core of another version knows causes that are not listed. */
const unknownCause: Cause = {
  message: 'the native core reports {code}, which this version of blkscope does not know',
  mend: 'install blkscope again',
  lowerBounds: true,
};

function filled(text: string, values: NativeDefect['values']): string {
  const hole = /\{(\w+)(?: (\w+))?(?: (\w+)\|(\w+))?\}/g;
  return text.replace(hole, (whole, name: string, noun?: string, ofOne?: string, ofMore?: string) => {
    const value = values[name] ?? whole;
    if (noun === undefined) return String(value);
    const things = `${typeof value === 'number' ? thousands(value) : value} ${noun}${value === 1 ? '' : 's'}`;
    return ofOne === undefined ? things : `${things} ${value === 1 ? ofOne : ofMore}`;
  });
}

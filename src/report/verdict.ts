import type { Summary } from '../figures/summary-schema.js';
import { usesPageCache } from '../workload/loading.js';
import { boundDoubt, exceeded, tokenTime } from './bound-section.js';
import { contentionLine } from './contention.js';
import * as format from './format.js';
import { countsAreLow, subjectOf } from './subject.js';

/** A run in plain words, a sentence or two an answer. */
export interface Verdict {
  /** What was read, and how often. */
  read: string;
  /** What limited the run; null where nothing tells. */
  limit: string | null;
  /** Which I/O failed; null: none. */
  failed: string | null;
  /** What others on the machine took of it; null where that is nothing to speak of. */
  contended: string | null;
  /** Whether the trace is complete. */
  trace: string;
  /** What would help; null where nothing is known to. */
  help: string | null;
}

export function verdictOf(summary: Summary): Verdict {
  const contended = contentionLine(summary);
  return {
    read: readOf(summary),
    failed: failedOf(summary),
    limit: limitOf(summary),
    contended: contended && `CONTENDED: ${contended}.`,
    trace: traceOf(summary),
    help: helpOf(summary),
  };
}

function readOf(summary: Summary): string {
  const { model, reads, workload } = summary;
  const least = countsAreLow(summary) ? 'at least ' : '';
  const speed = workload?.tokensPerSecond
    ? ` The run made ${format.decimal(workload.tokensPerSecond)} tokens/s.`
    : '';
  if (!model) {
    const again = reads.reReadFactor ? `, each byte ${times(reads.reReadFactor)}` : '';
    return `${least}${format.size(reads.bytes)} were read, ${format.size(reads.uniqueBytes)} of it different${again}.${speed}`;
  }
  const subject = subjectOf(model);
  if (model.readBytes === 0) return `Nothing of the ${subject} was read from the disk.${speed}`;
  const again = model.reReadFactor ? `, each byte ${times(model.reReadFactor)}` : '';
  const part = `${least}${format.percent(model.coverage)} of the ${subject} (${format.size(model.bytes)})`;
  return `${format.size(model.readBytes)} were read: ${part}${again}.${speed}`;
}

function failedOf({ reads, writes }: Summary): string | null {
  const counts = { read: reads.errors ?? 0, write: writes.errors ?? 0 };
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  if (told.length === 0) return null;
  const which = told.map(([noun, count]) => format.counted(count, noun)).join(' and ');
  return `FAILED: ${which} of all programs; no other figure has them.`;
}

function times(factor: number): string {
  return factor < 1.005 ? 'once' : `${format.decimal(factor)} times`;
}

/** A part of a token's time below this is not worth a sentence. */
const worthTelling = 0.05;

/** Tokens that are faster take hundredths of a second, which say too little. */
const shortNs = 1e8;

function limitOf(summary: Summary): string | null {
  const { bound, workload, model, memory } = summary;
  if (bound && exceeded(bound)) return null;
  if (bound) {
    const { total, parts } = tokenTime(bound);
    const [first, second] = parts.toSorted((a, b) => b.ns - a.ns);
    if (!first) return null;
    const time = total < shortNs ? format.microseconds : format.seconds;
    const share = (ns: number) => `${time(ns)} of the ${time(total)} that a token took`;
    const also = second && second.ns > total * 0.2 ? ` ${second.name} took ${time(second.ns)}.` : '';
    const doubt = first.computing ? boundDoubt(bound) : null;
    return `${first.limit} (${share(first.ns)}${doubt === null ? '' : `; ${doubt}`}).${also}`;
  }
  if (workload && model && memory.ioStallNs !== null && workload.wallNs > 0) {
    const stalled = Math.max(memory.ioStallNs, memory.memoryStallNs ?? 0);
    if (stalled > workload.wallNs * worthTelling)
      return `Some task waited for a disk or for memory during ${format.seconds(stalled)} of the ${format.seconds(workload.wallNs)}.`;
  }
  return null;
}

function traceOf(summary: Summary): string {
  const { integrity } = summary;
  const events = format.counted(integrity.eventsRead, 'event');
  if (integrity.complete === true) {
    // A disk may keep no counters.
    const { readSectorsDiskstats: counted, readSectorsTraced: traced } = integrity;
    const agrees =
      counted === null || (counted === 0 && traced > 0) ? '' : ", as the disk's own counters confirm";
    return `The trace is complete: ${events} were traced and none lost${agrees}.`;
  }
  if (integrity.complete === null) return `${events} were read, lost ones not known.`;
  const doubt = countsAreLow(summary)
    ? 'counts marked >= are lower bounds'
    : 'no count is too low, but other figures are in doubt';
  return `INCOMPLETE: the trace is not whole; ${doubt}.`;
}

/** Read for a token, of what it uses: below this memory is as good as enough. */
const nothingRead = 0.01;

/** A limit or lock under which a run has all the memory that it needs tells nothing of too little. */
function noPressure({ mode, limitBytes, lockedBytes }: Summary['memory']): string {
  if (mode === 'none') return '';
  const what =
    mode === 'limit' ? `limit of ${format.size(limitBytes ?? 0)}` : `lock of ${format.size(lockedBytes)}`;
  return `, so the ${what} changes nothing`;
}

function helpOf(summary: Summary): string | null {
  const { bound, workload, model, memory } = summary;
  if (!workload || !model) return null;
  if (workload.loading && !usesPageCache(workload.loading))
    return 'The program reads the file once, while it loads: neither memory nor readahead matters afterwards.';
  if (workload.weights === 'copied')
    return 'The weights were copied into the program: see `--section workload` for what keeps them in the file.';
  if (!bound) return null;
  if (exceeded(bound)) return 'The bound is wrong, since this run was faster: see `--section bound`.';
  const [first] = tokenTime(bound).parts.toSorted((a, b) => b.ns - a.ns);
  const read = workload.bytesPerToken ?? 0;
  if (read < bound.touchedBytesPerToken * nothingRead)
    return `Memory is enough${noPressure(memory)}: only ${first?.others ? 'processors that nobody else takes' : 'faster computation'} would help.`;
  if (first?.computing) return 'Only faster computation would help much.';
  const missing = bound.touchedBytesPerToken - bound.keptBytes;
  const more =
    missing > 0 ? `${format.size(Math.round(missing))} more memory would hold all that a token uses. ` : '';
  const unused =
    bound.unusedBytesPerToken > read * 0.2 && memory.readAheadKib
      ? `A readahead below ${memory.readAheadKib} KiB would read less in vain. `
      : '';
  return `${more}${unused}\`blkscope advise\` says what helps without more memory.`;
}

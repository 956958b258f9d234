import { formatSize, threeDigits } from '../memory/size.js';
import type { Advice, Change, ChangedConditions, Foreseen } from './changes.js';
import {
  type AdvisedRun,
  changed,
  computeReason,
  pinBytes,
  threadsFactor,
  titleOf,
  wholeMiB,
} from './subject.js';

/** What keeps the weights mapped, and how long a token then computes by what it does now. */
interface Remedy {
  title: string;
  compute: Foreseen;
}

/**
 * Three synthetic models took 1.0 (Q4_K_M), 1.16 (MXFP4) and 1.35 times (Q4_0) as long without the layout that llama.cpp
 * copies them into.
 */
const unpacked: Foreseen = { low: 1, likely: 1.15, high: 1.4 };
const same: Foreseen = { low: 1, likely: 1, high: 1 };

/**
 * For a run whose weights were copied into the process's own memory: after loading it uses none of the file's pages, so what
 * acts on those does nothing until the weights stay mapped.
 */
export function changesForCopied(subject: AdvisedRun): Change[] {
  const { measured, threads, cpus } = subject;
  const mapped = keepMapped(subject, {});
  const room = pinBytes(subject, measured.readAheadKib, measured.memoryBytes);
  return [
    mapped,
    ...(room !== null && mapped.bytesPerToken.likely > 0
      ? [keepMapped(subject, { pinBytes: wholeMiB(room) })]
      : []),
    ...pinOfUnused(subject),
    ...(threads < cpus ? [moreThreads(subject)] : []),
  ];
}

function keepMapped(subject: AdvisedRun, conditions: ChangedConditions): Change {
  const { title, compute } = remedyFor(subject);
  const change = changed(subject, { ...conditions, mapped: true }, compute);
  const slower = compute.likely > 1 ? '; computation without the copy takes up to 1.4 times as long' : '';
  const kept =
    change.bytesPerToken.likely === 0
      ? 'the weights live in the page cache, which holds them all; they can be evicted, are shared, and stay for the next run'
      : 'the weights live in the page cache, which holds a part of them';
  return { ...change, title: [title, change.title].filter(Boolean).join(', '), reason: kept + slower };
}

/** Why they were copied tells what keeps them. */
function remedyFor({ run }: AdvisedRun): Remedy {
  const { engine, modelMappedBytes } = run.summary.workload ?? {};
  if (engine === 'embedded') return { title: "no-repack (llama.cpp's own program)", compute: unpacked };
  if (modelMappedBytes === 0) return { title: 'mmap', compute: same };
  return { title: 'no-repack', compute: unpacked };
}

/** Of what memory is left, if any. */
function pinOfUnused(subject: AdvisedRun): Change[] {
  const { model, measured, run, rssAnonBytes } = subject;
  const copied = (run.summary.workload?.rssAnonBytes ?? 0) - rssAnonBytes;
  const left = Math.min(model.bytes, measured.memoryBytes - copied);
  if (left <= 0) return [];
  const reason = 'no effect: tokens use the copy and not the pages of the file';
  return [unread(subject, { pinBytes: wholeMiB(left) }, same, reason)];
}

function moreThreads(subject: AdvisedRun): Change {
  const factor = threadsFactor(subject, subject.cpus);
  return unread(subject, { threads: subject.cpus }, factor, computeReason(subject));
}

/** A change that reads as little as the run did. */
function unread(
  subject: AdvisedRun,
  conditions: ChangedConditions,
  compute: Foreseen,
  reason: string,
): Change {
  const { tokensPerSecond = 0, bytesPerToken = 0 } = subject.run.summary.workload ?? {};
  const exactly = (value: number | null): Foreseen => ({
    low: value ?? 0,
    likely: value ?? 0,
    high: value ?? 0,
  });
  const otherNs = 1e9 / (tokensPerSecond as number) - subject.speed.computeNs;
  const speed = (factor: number) => 1e9 / (otherNs + subject.speed.computeNs * factor);
  return {
    ...{ title: titleOf(conditions), conditions, reason, bytesPerToken: exactly(bytesPerToken) },
    tokensPerSecond: { low: speed(compute.high), likely: speed(compute.likely), high: speed(compute.low) },
  };
}

/** What the advice comes to. */
export function verdictOfCopied({ changes, measured }: Omit<Advice, 'verdict'>, subject: AdvisedRun): string {
  const { threads, cpus } = subject;
  const now = threeDigits(measured.tokensPerSecond);
  const compute = computeReason(subject);
  const bytes = subject.run.summary.workload?.rssAnonBytes ?? 0;
  const mapped = changes.find(({ conditions }) => conditions.mapped);
  const parts = [
    `The weights were copied into the process (${formatSize(bytes)} of its own memory for a model of ${formatSize(subject.model.bytes)}): while they are, pinning the file gives nothing, and neither do readahead and page cache.`,
    mapped
      ? `With ${mapped.title} they stay in the page cache: ${rangeOf(mapped.tokensPerSecond)} tokens/s for ${now}.`
      : '',
    `${compute.charAt(0).toUpperCase()}${compute.slice(1)}${threads < cpus ? '' : `, on all ${cpus} CPUs already`}.`,
  ];
  return parts.filter(Boolean).join(' ');
}

function rangeOf({ low, high }: Foreseen): string {
  return `${threeDigits(low)} to ${threeDigits(high)}`;
}

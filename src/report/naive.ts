import { BlkscopeError } from '../errors.js';
import type { Summary } from '../figures/summary-schema.js';
import { type GapClass, gapClasses, type NativeGaps } from '../native/trace.js';
import { fit } from './fit.js';
import * as format from './format.js';
import { plainScreen, type Screen } from './screen.js';

/**
 * What counting every event of a read would have given, beside the right figures of the same run.
 *
 * Throws BlkscopeError NO_NAIVE_FIGURES for a run made before they were kept.
 *
 * @example
 * console.log(renderNaive(run.summary));
 */
export function renderNaive(summary: Summary, screen: Screen = plainScreen): string {
  const { naive, reads, gaps, peakBytesPerSecond } = summary;
  if (!naive) {
    throw new BlkscopeError(
      'NO_NAIVE_FIGURES',
      'this run was made before blkscope kept the naive figures; record it again',
    );
  }
  const rows: [string, string, string][] = [
    ['reads', format.count(naive.count), format.count(reads.count)],
    ['bytes read', format.size(naive.bytes), format.size(reads.bytes)],
    [
      're-read factor',
      reads.uniqueBytes === 0 ? '-' : format.factor(naive.bytes / reads.uniqueBytes),
      reads.reReadFactor === null ? '-' : format.factor(reads.reReadFactor),
    ],
    ...(Object.keys(gapClasses) as GapClass[]).map((kind): [string, string, string] => [
      `gaps: ${kind}`,
      share(naive.gaps, kind),
      gaps.device ? share(gaps.device, kind) : '-',
    ]),
    ['highest second', format.rate(naive.peakBytesPerSecond), format.rate(peakBytesPerSecond ?? 0)],
  ];
  const actions = Object.keys(summary.source.actions).join(' ');
  const line = ([label, wrong, right]: [string, string, string]) =>
    ` ${label.padEnd(20)}${wrong.padStart(18)}${right.padStart(18)}`;
  const lines = [
    '',
    ` Every event counted as a read (actions traced: ${actions}), next to each I/O counted once`,
    line(['', 'every event', 'once']),
    ...rows.map(line),
    '',
  ];
  return fit(lines.join('\n'), screen.columns);
}

function share(gaps: NativeGaps, kind: GapClass): string {
  const total = Object.values(gaps).reduce((sum, n) => sum + n, 0);
  return total === 0 ? '-' : format.percent(gaps[kind] / total);
}

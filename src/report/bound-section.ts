import type { Summary } from '../figures/summary-schema.js';
import * as format from './format.js';
import type { Page } from './terminal.js';

type Bound = NonNullable<Summary['bound']>;

/** The bound, what was measured of it, and where the rest of a token's time went. */
export function boundLine(bound: Bound): string {
  const { tokensPerSecond } = bound;
  if (exceeded(bound)) return exceededLine(bound);
  const parts = excess(bound)
    .filter(({ ns }) => ns > 0.005e9 / tokensPerSecond)
    .map(({ ns, name }) => `${name} ${format.seconds(ns)}`);
  const rest = parts.length > 0 ? `; a token's rest: ${parts.join(', ')}` : '';
  return `bound ${boundOf(bound)} tokens/s, measured ${measuredOf(bound)} of it${rest}`;
}

/** A range where the use of some weights is unknown. */
function boundOf({ tokensPerSecond, lowTokensPerSecond: low }: Bound): string {
  const most = format.decimal(tokensPerSecond);
  return low === undefined || low >= tokensPerSecond ? most : `${format.decimal(low)} to ${most}`;
}

function measuredOf({ tokensPerSecond, lowTokensPerSecond: low, ratio }: Bound): string {
  const least = format.percent(ratio);
  if (low === undefined || low >= tokensPerSecond) return least;
  const most = (ratio * tokensPerSecond) / low;
  return most > 1 ? `at least ${least}` : `${least} to ${format.percent(most)}`;
}

/** Rounding aside, nothing runs faster than its bound: what did shows that the bound is wrong. */
const roundingError = 1.0005;

function exceeded({ ratio }: Bound): boolean {
  return ratio > roundingError;
}

function exceededLine({ tokensPerSecond, ratio }: Bound): string {
  const [bound, measured] = [tokensPerSecond, tokensPerSecond * ratio].map(format.decimal);
  return `the bound is wrong: ${bound} tokens/s by its figures, and ${measured} were measured; a token uses less, or memory keeps or the disk gives more, than was taken for it`;
}

function excess(bound: Bound): { name: string; ns: number }[] {
  const { bandwidth, reReadBytesPerToken, unusedBytesPerToken, waitNsPerToken } = bound;
  return [
    { name: 're-reads', ns: (reReadBytesPerToken / bandwidth) * 1e9 },
    { name: 'unused readahead', ns: (unusedBytesPerToken / bandwidth) * 1e9 },
    { name: 'waiting', ns: waitNsPerToken },
  ];
}

/** What the bound is made of, and what a token cost beyond it. */
export function boundSection(page: Page, { bound }: Summary): void {
  if (!bound) return;
  const needed = bound.touchedBytesPerToken - bound.keptBytes;
  const holds = 'no run with this memory and disk can be faster; per token';
  page.section('Bound', exceeded(bound) ? 'wrong: this run was faster; per token' : holds);
  page.figure(format.size(Math.round(bound.touchedBytesPerToken)), 'of the model used', moreNote(bound));
  page.figure(format.size(Math.round(bound.keptBytes)), 'of it memory can keep');
  page.figure(
    format.size(Math.round(needed)),
    'must be read',
    `${format.seconds((needed / bound.bandwidth) * 1e9)} at ${format.rate(bound.bandwidth)}`,
  );
  if (bound.sequentialBandwidth !== null && bound.randomBandwidth !== null) {
    const random = `${format.rate(bound.randomBandwidth)} in random 128 KiB, one at a time`;
    page.figure(format.rate(bound.sequentialBandwidth), 'disk, in sequence', random);
  }
  page.figure(format.microseconds(bound.computeNsPerToken), 'compute', computeNote(bound));
  page.figure(format.size(Math.round(bound.reReadBytesPerToken)), 'read again', 'memory could have kept it');
  page.figure(
    format.size(Math.round(bound.unusedBytesPerToken)),
    'readahead never used',
    'at least: more than a token can use',
  );
  page.figure(
    format.seconds(bound.waitNsPerToken),
    'waiting',
    'compute and reads one after the other, or the disk below full speed',
  );
}

function moreNote({ touchedBytesPerToken: least, touchedMostBytesPerToken: most }: Bound): string {
  if (most === undefined || most <= least) return '';
  return `at least; ${format.size(Math.round(most))} with what nobody knows the use of`;
}

function computeNote({ computeNsPerToken, computeFrom }: Bound): string {
  if (computeFrom === 'warm') return 'measured with everything cached';
  if (computeNsPerToken === 0) return 'not known: the kernel counts no stalls';
  return "a token's time without stalls and kernel work";
}

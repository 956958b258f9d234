import type { Summary } from '../figures/summary-schema.js';
import * as format from './format.js';
import type { Page } from './terminal.js';

type Bound = NonNullable<Summary['bound']>;

/** The bound, what was measured of it, and where the rest of a token's time went. */
export function boundLine(bound: Bound): string {
  const { tokensPerSecond, ratio } = bound;
  const parts = excess(bound)
    .filter(({ ns }) => ns > 0.005e9 / tokensPerSecond)
    .map(({ ns, name }) => `${name} ${format.seconds(ns)}`);
  const rest = parts.length > 0 ? `; a token's rest: ${parts.join(', ')}` : '';
  return `bound ${format.decimal(tokensPerSecond)} tokens/s, measured ${format.percent(ratio)} of it${rest}`;
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
  page.section('Bound', 'no run with this memory and disk can be faster; per token');
  page.figure(format.size(Math.round(bound.touchedBytesPerToken)), 'of the model used');
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

function computeNote({ computeNsPerToken, computeFrom }: Bound): string {
  if (computeFrom === 'warm') return 'measured with everything cached';
  if (computeNsPerToken === 0) return 'not known: the kernel counts no stalls';
  return "a token's time without stalls and kernel work";
}

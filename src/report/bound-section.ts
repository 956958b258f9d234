import type { Summary } from '../figures/summary-schema.js';
import * as format from './format.js';
import type { Page } from './page.js';

type Bound = NonNullable<Summary['bound']>;

/** The bound, what was measured of it, and where the rest of a token's time went. */
export function boundLine(bound: Bound): string {
  const { tokensPerSecond } = bound;
  if (exceeded(bound)) return exceededLine(bound);
  const parts = excess(bound)
    .filter(({ ns }) => ns > 0.005e9 / tokensPerSecond)
    .map(({ ns, name }) => `${name} ${format.seconds(ns)}`);
  const rest = parts.length > 0 ? `; a token loses: ${parts.join(', ')}` : '';
  const doubt = boundDoubt(bound);
  const note = doubt === null ? '' : ` (${doubt})`;
  return `bound ${boundOf(bound)} tokens/s${orMore(bound)}, measured ${measuredOf(bound)} of it${note}${rest}`;
}

/**
 * Why a bound may be too low: its computation was only seen on a busy machine, or estimated. Then it says nothing of what a
 * run lost by computing slowly. null: it was measured, or does not limit.
 */
export function boundDoubt({ computeFrom, computeNsPerToken: ns, tokensPerSecond }: Bound): string | null {
  if (computeFrom === 'warm' || ns * tokensPerSecond <= 0.999e9) return null;
  return computeFrom === 'busy'
    ? 'computation was only measured while others had the CPUs'
    : 'computation is estimated: no cached run is known';
}

export function orMore(bound: Bound): string {
  return boundDoubt(bound) === null ? '' : ' or more';
}

/** A range where the use of some weights is unknown. */
function boundOf({ tokensPerSecond, lowTokensPerSecond: low }: Bound): string {
  const most = format.decimal(tokensPerSecond);
  return low === null || low >= tokensPerSecond ? most : `${format.decimal(low)} to ${most}`;
}

function measuredOf({ tokensPerSecond, lowTokensPerSecond: low, ratio }: Bound): string {
  const least = format.percent(ratio);
  if (low === null || low >= tokensPerSecond) return least;
  const most = (ratio * tokensPerSecond) / low;
  return most > 1 ? `at least ${least}` : `${least} to ${format.percent(most)}`;
}

/** Rounding aside, nothing runs faster than its bound: what did shows that the bound is wrong. */
const roundingError = 1.0005;

export function exceeded({ ratio }: Bound): boolean {
  return ratio > roundingError;
}

function exceededLine({ tokensPerSecond, ratio }: Bound): string {
  const [bound, measured] = [tokensPerSecond, tokensPerSecond * ratio].map(format.decimal);
  const tooLow = ((ratio - 1) * 100).toFixed(ratio < 1.1 ? 1 : 0);
  return `the bound is wrong, too low by ${tooLow} %: its figures give ${bound} tokens/s, and ${measured} were measured. A token computes faster or uses less than the bound assumes, or memory keeps more, or the disk is faster; the next run here learns from this one`;
}

function excess(bound: Bound): { name: string; ns: number }[] {
  const { bandwidth, reReadBytesPerToken, unusedBytesPerToken, busyNsPerToken, remainderNsPerToken } = bound;
  return [
    { name: 're-reads', ns: (reReadBytesPerToken / bandwidth) * 1e9 },
    { name: 'useless readahead', ns: (unusedBytesPerToken / bandwidth) * 1e9 },
    { name: 'busy CPUs', ns: busyNsPerToken ?? 0 },
    { name: 'remainder', ns: remainderNsPerToken },
  ];
}

/** Where a token's time went, as the bound tells it. */
export interface TokenTimePart {
  name: string;
  /** The sentence that says so where this part is the largest. */
  limit: string;
  ns: number;
  computing?: boolean;
  /** It is what others on the machine took. */
  others?: boolean;
}

/** Computing and reading what memory cannot hold go on side by side: the longer one takes time. The rest is beyond the bound. */
export function tokenTime(bound: Bound): { total: number; parts: TokenTimePart[] } {
  const total = 1e9 / (bound.tokensPerSecond * bound.ratio);
  const needed = ((bound.touchedBytesPerToken - bound.keptBytes) / bound.bandwidth) * 1e9;
  const computing = bound.computeNsPerToken >= needed;
  const least: TokenTimePart = computing
    ? { name: 'Computing', limit: 'Computing limits the speed', ns: bound.computeNsPerToken, computing: true }
    : {
        name: 'Reading what memory cannot hold',
        limit: 'The disk limits the speed: memory cannot hold all that a token uses',
        ns: needed,
      };
  const [again, unused, busy, rest] = excess(bound).map(({ ns }) => ns) as [number, number, number, number];
  const parts = [
    least,
    {
      name: 'Reading again what was evicted',
      limit: 'Memory limits the speed: what it had room to keep was evicted and read again',
      ns: again,
    },
    {
      name: 'Reading ahead in vain',
      limit: 'Readahead limits the speed: it reads what no token uses',
      ns: unused,
    },
    {
      name: 'Waiting for a CPU',
      limit: 'Other programs limit the speed: they had the processors that this run waited for',
      ns: busy,
      others: true,
    },
    {
      name: 'The rest',
      limit:
        'No figure says what limits the speed: computing and reading took turns, or the disk or the computation was slower than it can be',
      ns: rest,
    },
  ];
  return { total, parts: parts.filter(({ ns }) => ns > 0) };
}

/** What the bound is made of, and what a token cost beyond it. */
export function boundSection(page: Page, { bound, account }: Summary): void {
  if (!bound) return;
  const needed = bound.touchedBytesPerToken - bound.keptBytes;
  page.section('Bound', `${holds(bound)}; each figure is per token`);
  page.text(boundLine(bound), 2);
  page.figure(format.size(Math.round(bound.touchedBytesPerToken)), 'of the model is used', moreNote(bound));
  page.figure(format.size(Math.round(bound.keptBytes)), 'of that fits into memory');
  page.figure(
    format.size(Math.round(needed)),
    'must be read',
    `${format.seconds((needed / bound.bandwidth) * 1e9)} at ${format.rate(bound.bandwidth)}`,
  );
  page.figure(format.rate(bound.bandwidth), 'the disk at its fastest', probeNote(bound));
  page.figure(format.microseconds(bound.computeNsPerToken), 'computation', computeNote(bound));
  page.figure(format.size(Math.round(bound.reReadBytesPerToken)), 'read again', 'memory had room to keep it');
  page.figure(
    format.size(Math.round(bound.unusedBytesPerToken)),
    'readahead never used',
    account ? 'exact: evicted before it was used, or left over' : 'at least; beyond what a token can use',
  );
  if (bound.busyNsPerToken !== null)
    page.figure(format.seconds(bound.busyNsPerToken), 'busy CPUs', 'others ran meanwhile');
  page.figure(
    format.seconds(bound.remainderNsPerToken),
    'remainder',
    'reading and computing by turns, a slow disk, slow computation',
  );
}

function holds(bound: Bound): string {
  if (exceeded(bound)) return 'wrong, since this run was faster';
  const doubt = boundDoubt(bound);
  return doubt === null
    ? 'no run with this memory and disk can be faster, by the fastest that was seen here'
    : `a run may be faster, since ${doubt}`;
}

function probeNote({ sequentialBandwidth: sequential, randomBandwidth: random }: Bound): string {
  if (sequential === null || random === null) return 'as runs showed it; it was not probed';
  return `before this run: ${format.rate(sequential)} in sequence, ${format.rate(random)} in random 128 KiB`;
}

function moreNote({ touchedBytesPerToken: least, touchedMostBytesPerToken: most }: Bound): string {
  if (most === null || most <= least) return '';
  return `at least; ${format.size(Math.round(most))} if it uses every tensor of unknown use`;
}

function computeNote({ computeNsPerToken, computeFrom }: Bound): string {
  if (computeFrom === 'warm') return 'the fastest that was seen here, with everything cached';
  if (computeFrom === 'busy') return 'at most, with everything cached: others had the CPUs meanwhile';
  if (computeNsPerToken === 0) return 'not known: the kernel counts no stalls';
  return "estimated from runs here: a token's time without stalls and kernel work";
}

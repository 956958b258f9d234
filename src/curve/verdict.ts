import { formatSize } from '../memory/size.js';
import type { Curve, CurvePoint } from './curve-result.js';

type Told = Pick<Curve, 'unit' | 'points' | 'ownMemory' | 'touchedPerToken'>;

/** A size of a curve, in its unit. */
export function sizeIn(unit: Curve['unit'], size: number): string {
  if (unit === 'bytes') return formatSize(Math.round(size));
  const number = size >= 100 ? Math.round(size) : Number(size.toPrecision(3));
  return `${number} expert${number === 1 ? '' : 's'}`;
}

/** Less than this share of what a token touches is as good as nothing. */
const nothing = 0.005;

/** Whether policy or working set is at fault: at the run's own memory if that is short, else at the middle of the curve. */
export function blockVerdict(told: Told): string {
  const { points, ownMemory } = told;
  const own = points.find(({ memory }) => memory === Math.floor(ownMemory ?? -1));
  const at = own ?? points[points.length >> 1];
  if (!at?.blocks) return '';
  return sentence(told, at, 'the kernel', at.blocks.kernel, at.blocks.optimum);
}

/** The same, of least-recently-used eviction of whole experts, in the middle of the curve. */
export function expertVerdict(told: Told): string {
  const at = told.points[told.points.length >> 1];
  if (!at?.experts) return '';
  return sentence(
    told,
    at,
    'a cache that evicts the least recently used',
    at.experts.lru,
    at.experts.optimum,
  );
}

function sentence(
  { unit, touchedPerToken }: Told,
  { memory }: CurvePoint,
  who: string,
  reads: number,
  optimum: number,
): string {
  const size = (value: number) => sizeIn(unit, value);
  const start = `With ${size(memory)} for the model`;
  if (reads < touchedPerToken * nothing)
    return `${start} memory is enough: ${who} reads next to nothing for a token.`;
  const policy = Math.max(0, reads - optimum);
  const fault =
    policy >= reads * 0.9
      ? 'the policy of eviction is at fault'
      : policy <= reads * 0.1
        ? 'the working set is at fault: only more memory helps'
        : `${size(policy)} of it are the policy's, the rest the working set's`;
  return `${start} ${who} reads ${size(reads)} for a token, and no eviction could read less than ${size(optimum)}: ${fault}.`;
}

import type { Advice, Change, Foreseen } from '../advise/changes.js';
import type { Verified } from '../advise/verify.js';
import { boundLine } from './bound-section.js';
import { fit } from './fit.js';
import * as format from './format.js';
import { Page } from './page.js';
import { printable } from './printable.js';
import { plainScreen, type Screen } from './screen.js';
import { layOut } from './table.js';

/**
 * Advice for a terminal: the verdict, the changes with what each would give and why, and the curve.
 *
 * @example
 * console.log(renderAdvice(await advise(run)));
 */
export function renderAdvice(advice: Advice, screen: Screen = plainScreen): string {
  const { measured, modelled, changes, curve, seenShare } = advice;
  const { style } = screen;
  const size = (bytes: number) => format.size(Math.round(bytes));
  const page = new Page(style, screen.columns, false);
  const told = modelled ? ` (the model of the page cache says ${size(modelled.bytesPerToken)})` : '';
  page.line(` ${style.bold(printable(advice.run))}`);
  page.text(
    `${format.decimal(measured.tokensPerSecond)} tokens/s, ${size(measured.bytesPerToken)} read per token${told}`,
  );
  page.text(boundLine(advice.bound));
  const busy = busyShare(advice.bound.busyNsPerToken, measured.tokensPerSecond);
  if (busy !== null)
    page.text(
      `${style.warn('CONTENDED')}: others had the CPUs for ${busy} of a token's time; the speeds foreseen are those of a machine that is left alone`,
    );
  page.text(style.bold(advice.verdict));
  if (advice.caveat) page.text(`${style.warn('Note')}: ${advice.caveat}`);
  if (seenShare < 0.95) {
    page.text(
      `${style.warn('Guessed')}: the trace shows only ${format.percent(seenShare)} of the uses of experts; make a run with --profile-touches, which shows all, and name it with --touches`,
    );
  }
  if (changes.length > 0) {
    page.section('Changes', 'the best first; read per token, tokens/s and their range');
    changes.forEach((change, i) => {
      page.line();
      page.text(`${i + 1}. ${style.bold(change.title)}`, 2);
      const speed = `${format.decimal(change.tokensPerSecond.likely)} tokens/s (${range(change.tokensPerSecond)})`;
      page.text(`${size(change.bytesPerToken.likely)} per token, ${speed}`, 5);
      page.text(style.dim(change.reason), 5);
    });
  }
  page.section('Memory', 'read for each token, by how much memory the model has');
  const points = [
    ['memory', 'kernel evicts', 'range', 'pinned', 'range'],
    ...curve.map(({ memoryBytes, kernelBytesPerToken, pinnedBytesPerToken, kernelRange, pinnedRange }) => [
      size(memoryBytes),
      size(kernelBytesPerToken),
      `${size(kernelRange.low)} to ${size(kernelRange.high)}`,
      size(pinnedBytesPerToken),
      `${size(pinnedRange.low)} to ${size(pinnedRange.high)}`,
    ]),
  ];
  return `${page}${layOut(points, { ...screen, gap: 2 })}`;
}

/**
 * What was predicted beside what was measured.
 *
 * @example
 * console.log(renderVerified(await verify(run, await advise(run))));
 */
export function renderVerified(verified: readonly Verified[], screen: Screen = plainScreen): string {
  const size = (bytes: number) => format.size(Math.round(bytes));
  const rows = verified.map(({ change, bytesPerToken, tokensPerSecond }) => [
    change.title,
    `${size(change.bytesPerToken.likely)} (${size(change.bytesPerToken.low)} to ${size(change.bytesPerToken.high)})`,
    size(bytesPerToken),
    offBy(change.bytesPerToken, bytesPerToken),
    `${format.decimal(change.tokensPerSecond.likely)} (${range(change.tokensPerSecond)})`,
    `${format.decimal(tokensPerSecond)}${isWithin(change.tokensPerSecond, tokensPerSecond) ? '' : ' !'}`,
  ]);
  const head = ['tried', 'foreseen', 'read', 'off by', 'tokens/s foreseen', 'measured'];
  const table = layOut([head, ...rows], { ...screen, gap: 2, longNames: 'above' });
  const [{ seed } = { seed: null }] = verified;
  const told = [
    seed === null ? '' : `Tried on other tokens than the advice was made from: seed ${seed}, another prompt.`,
    'off by: what was foreseen against what was read, + where more was foreseen; !: outside the range.',
  ];
  const notes = told.filter((line) => line !== '').map((line) => ` ${line}\n`);
  const runs = verified.map(({ change, run, busyNsPerToken, tokensPerSecond }) => {
    const busy = busyShare(busyNsPerToken, tokensPerSecond);
    const contended =
      busy === null
        ? ''
        : `; CONTENDED: others had the CPUs for ${busy} of a token's time, so its speed is no test`;
    return ` ${printable(run)}: ${change.title}${contended}\n`;
  });
  return fit(`${table}\n${notes.join('')}${runs.join('')}`, screen.columns);
}

/** From this share on others' work changes a speed by more than repeats differ. */
const worthTelling = 0.05;

/** How much of a token's time others had the CPUs; null: not known, or not worth telling. */
function busyShare(busyNs: number | null, tokensPerSecond: number): string | null {
  const share = ((busyNs ?? 0) * tokensPerSecond) / 1e9;
  return share > worthTelling ? format.percent(share) : null;
}

/** As in docs/findings.md: 14 % is foreseen more than was read. */
function offBy({ low, likely, high }: Foreseen, read: number): string {
  const off = read > 0 ? format.change(read, likely) : `+ ${format.size(Math.round(likely))}`;
  return isWithin({ low, high }, read) ? off : `${off} !`;
}

function isWithin({ low, high }: Pick<Foreseen, 'low' | 'high'>, value: number): boolean {
  return value >= low && value <= high;
}

function range({ low, high }: Foreseen | Change['tokensPerSecond']): string {
  return `${format.decimal(low)} to ${format.decimal(high)}`;
}

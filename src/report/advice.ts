import type { Advice, Change, Foreseen } from '../advise/changes.js';
import type { Verified } from '../advise/verify.js';
import { boundLine } from './bound-section.js';
import { layOut } from './compare.js';
import * as format from './format.js';
import { plainStyle, type Style } from './style.js';

/** Advice for a terminal: the verdict, the changes with what each would give, and the curve. */
export function renderAdvice(advice: Advice, style: Style = plainStyle): string {
  const { measured, modelled, changes, curve, seenShare } = advice;
  const size = (bytes: number) => format.size(Math.round(bytes));
  const told = modelled ? ` (the model of the page cache says ${size(modelled.bytesPerToken)})` : '';
  const lines = [
    ` ${style.bold(advice.run)}`,
    ` ${format.decimal(measured.tokensPerSecond)} tokens/s, ${size(measured.bytesPerToken)} read per token${told}`,
    ` ${boundLine(advice.bound)}`,
    ` ${style.bold(advice.verdict)}`,
  ];
  if (seenShare < 0.95) {
    lines.push(
      ` ${style.warn('Guessed')}: the trace shows only ${format.percent(seenShare)} of the uses of experts; make a run with --profile-touches, which shows all, and name it with --touches`,
    );
  }
  const rows = [
    ['change', 'read per token', 'tokens/s', 'range'],
    ...changes.map(({ title, bytesPerToken, tokensPerSecond }) => [
      title,
      size(bytesPerToken.likely),
      format.decimal(tokensPerSecond.likely),
      range(tokensPerSecond),
    ]),
  ];
  const reasons = ['', ...changes.map(({ reason }) => style.dim(`  # ${reason}`))];
  const table = layOut(rows, style)
    .split('\n')
    .map((line, i) => line + (reasons[i] ?? ''))
    .join('\n');
  const points = [
    ['memory for the model', "read per token, kernel's eviction", 'pinned'],
    ...curve.map(({ memoryBytes, kernelBytesPerToken, pinnedBytesPerToken }) => [
      size(memoryBytes),
      size(kernelBytesPerToken),
      size(pinnedBytesPerToken),
    ]),
  ];
  return `${lines.join('\n')}\n\n${table}\n${layOut(points, style)}`;
}

/** What was predicted beside what was measured. */
export function renderVerified(verified: readonly Verified[], style: Style = plainStyle): string {
  const size = (bytes: number) => format.size(Math.round(bytes));
  const rows = verified.map(({ change, bytesPerToken, tokensPerSecond, run }) => [
    change.title,
    size(change.bytesPerToken.likely),
    size(bytesPerToken),
    format.change(change.bytesPerToken.likely, bytesPerToken),
    `${format.decimal(change.tokensPerSecond.likely)} (${range(change.tokensPerSecond)})`,
    format.decimal(tokensPerSecond),
    run,
  ]);
  const head = ['tried', 'predicted per token', 'read', 'off by', 'predicted tokens/s', 'measured', 'run'];
  return layOut([head, ...rows], style);
}

function range({ low, high }: Foreseen | Change['tokensPerSecond']): string {
  return `${format.decimal(low)} to ${format.decimal(high)}`;
}

import { el, type Svg, text } from './svg.js';
import { heatColour, heatSteps } from './theme.js';

const stepWidth = 16;

/** What the steps of colour mean, from the palest to the strongest: the words at both ends. */
export function heatScale(
  at: { left: number; top: number },
  [least, most]: readonly [string, string],
): Svg[] {
  const from = at.left + least.length * 6.2 + 6;
  const steps = heatSteps.map((_, i) =>
    el('rect', {
      x: from + i * stepWidth,
      y: at.top,
      width: stepWidth,
      height: 10,
      fill: heatColour(i === 0 ? 0 : (i - 0.5) / (heatSteps.length - 1)),
    }),
  );
  return [
    text(at.left, at.top + 9, least, { class: 'faint' }),
    ...steps,
    text(from + heatSteps.length * stepWidth + 6, at.top + 9, most, { class: 'faint' }),
  ];
}

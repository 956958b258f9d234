/**
 * Colours that people with any colour vision tell apart (after Okabe and Ito), and whose lightness differs, so that they hold in
 * greyscale, too. Pages in the dark set them anew; a figure in a file has the light ones.
 */
const palette = {
  blue: '#0072b2',
  orange: '#e69f00',
  green: '#009e73',
  red: '#d55e00',
  sky: '#56b4e9',
  purple: '#aa4499',
  yellow: '#d9c300',
  grey: '#8a8a8a',
} as const;

export type Hue = keyof typeof palette;

export const hues = Object.keys(palette) as Hue[];

/** The hue of the n-th of several things. */
export function hueOf(index: number): Hue {
  return hues[index % hues.length] as Hue;
}

/** From nothing to the most, in steps whose lightness falls; pages in the dark set them anew. */
export const heatSteps = [
  '#f2f2ee',
  '#fbe3b0',
  '#f6b26b',
  '#e06c3f',
  '#b3282d',
  '#6a0f3c',
  '#2d0a35',
] as const;

/** A colour as a page may set it, with what it is without one. */
export function heatColour(part: number): string {
  const step = part <= 0 ? 0 : Math.min(1 + Math.floor(part * (heatSteps.length - 1)), heatSteps.length - 1);
  return `var(--h${step},${heatSteps[step]})`;
}

export function hueColour(hue: Hue): string {
  return `var(--${hue},${palette[hue]})`;
}

/** The same where nothing sets colours: in a file. */
export function plainColours(svg: string): string {
  return svg.replace(/var\(--\w+,(#[0-9a-f]+)\)/g, '$1');
}

/** Lines are told apart by their dashes as well. */
export const dashes = ['', '6 3', '2 2', '8 3 2 3', '4 4', '1 3'] as const;

/** Of figures in files and on pages alike. */
export const plotStyle = `
.plot{font:11px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;color:var(--ink,#1a1a1a)}
.plot text{fill:var(--ink,#1a1a1a)}
.plot .faint,.plot .tick{fill:var(--faint,#595959)}
.plot .grid{stroke:var(--grid,#e2e2e2);fill:none}
.plot .axis{stroke:var(--faint,#595959);fill:none}
.plot .line{fill:none;stroke-width:1.5;stroke-linejoin:round}
.plot .strong{font-weight:600}
.plot .apart{stroke:var(--ground,#ffffff);stroke-width:.6}
${Object.entries(palette)
  .map(
    ([name, colour]) =>
      `.plot .f-${name}{fill:var(--${name},${colour})}.plot .s-${name}{stroke:var(--${name},${colour})}`,
  )
  .join('\n')}
`;

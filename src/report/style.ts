/** Emphasis for a terminal; plain text where colours are not wanted. */
export interface Style {
  /** What matters most. */
  bold(text: string): string;
  /** What matters least. */
  dim(text: string): string;
  /** What is to be noticed. */
  warn(text: string): string;
  /** What is well. */
  good(text: string): string;
  /** A bar of a chart. */
  accent(text: string): string;
}

const wrap = (open: number, close: number) => (text: string) => `\x1b[${open}m${text}\x1b[${close}m`;
const same = (text: string) => text;

export const plainStyle: Style = { bold: same, dim: same, warn: same, good: same, accent: same };
const colourStyle: Style = {
  bold: wrap(1, 22),
  dim: wrap(2, 22),
  warn: wrap(33, 39),
  good: wrap(32, 39),
  accent: wrap(36, 39),
};

/** The emphasis above, and no other that a name may hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
export const emphasis = /\x1b\[(?:1|2|22|32|33|36|39)m/;

export const colourChoices = ['auto', 'always', 'never'] as const;
export type ColourChoice = (typeof colourChoices)[number];

/** By choice; `auto`: on a terminal only, and never against https://no-color.org. */
export function styleFor(
  stream: { isTTY?: boolean },
  choice: ColourChoice = 'auto',
  env: NodeJS.ProcessEnv = process.env,
): Style {
  if (choice === 'never') return plainStyle;
  const wanted = choice === 'always' || (stream.isTTY && !env.NO_COLOR && env.TERM !== 'dumb');
  return wanted ? colourStyle : plainStyle;
}

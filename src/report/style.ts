/** Emphasis for a terminal; plain text where colours are not wanted. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  warn(text: string): string;
}

const wrap = (open: number, close: number) => (text: string) => `\x1b[${open}m${text}\x1b[${close}m`;
const same = (text: string) => text;

export const plainStyle: Style = { bold: same, dim: same, warn: same };
export const colourStyle: Style = { bold: wrap(1, 22), dim: wrap(2, 22), warn: wrap(33, 39) };

/** Colours only on a terminal, and never against https://no-color.org. */
export function styleFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Style {
  return stream.isTTY && !env.NO_COLOR && env.TERM !== 'dumb' ? colourStyle : plainStyle;
}

import { type ColourChoice, plainStyle, type Style, styleFor } from './style.js';

/** Where text is shown: how wide it is, and how emphasis looks there. */
export interface Screen {
  columns: number;
  style: Style;
}

/** What is taken where nothing tells the width. */
const usualColumns = 80;
/** Narrower than this no table can be read. */
const leastColumns = 40;

export const plainScreen: Screen = { columns: usualColumns, style: plainStyle };

/** A terminal's own width; of a pipe or file that of $COLUMNS, else 80. */
export function screenOf(
  stream: { isTTY?: boolean; columns?: number },
  colour: ColourChoice = 'auto',
  env: NodeJS.ProcessEnv = process.env,
): Screen {
  const columns = stream.columns || Number(env.COLUMNS) || usualColumns;
  return { columns: Math.max(columns, leastColumns), style: styleFor(stream, colour, env) };
}

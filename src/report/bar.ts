const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `share` (0 to 1) of `width` characters, to an eighth of one; what is more than nothing shows. */
export function bar(share: number, width: number): string {
  const clamped = Math.min(Math.max(share, 0), 1);
  const units = clamped > 0 ? Math.max(Math.round(clamped * width * 8), 1) : 0;
  return '█'.repeat(Math.floor(units / 8)) + (eighths[units % 8] as string);
}

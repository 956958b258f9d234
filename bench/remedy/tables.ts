import { type Cell, cellName, type Measurement, type Variant, variants } from './cells.js';

/** The results as Markdown: what each variant gave, and how well it was foreseen. */
export function tables(results: readonly Measurement[]): string {
  const cells = [...new Map(results.map((one) => [cellName(one), one as Cell])).values()];
  return `${speeds(results, cells)}\n${predictions(results, cells)}`;
}

function speeds(results: readonly Measurement[], cells: readonly Cell[]): string {
  const rows = cells.map((cell) => {
    // Of the same runs: the disk of one minute is not that of the next.
    const advised = of(results, cell, 'advised');
    const bounds = advised.map(({ boundTokensPerSecond }) => boundTokensPerSecond);
    const shares = advised.map((one) => one.tokensPerSecond / one.boundTokensPerSecond);
    return [
      cellName(cell),
      ...variants.map((variant) => cellText(of(results, cell, variant))),
      number(median(bounds)),
      number(median(shares)),
    ];
  });
  const head = ['tokens/s, MiB per token', ...variants, 'bound', 'advised / bound'];
  return markdown([head, ...rows]);
}

/** Medians, with the spread of the speed from lowest to highest. */
function cellText(found: readonly Measurement[]): string {
  if (found.length === 0) return '-';
  const speed = found.map(({ tokensPerSecond }) => tokensPerSecond);
  const bytes = median(found.map(({ bytesPerToken }) => bytesPerToken)) / 2 ** 20;
  const spread = found.length > 1 ? ` (${number(Math.min(...speed))} to ${number(Math.max(...speed))})` : '';
  const title = found[0]?.title;
  return `${number(median(speed))}${spread}, ${number(bytes)}${title ? `: ${title}` : ''}`;
}

function predictions(results: readonly Measurement[], cells: readonly Cell[]): string {
  const rows = cells.flatMap((cell) =>
    variants.flatMap((variant) => {
      const found = of(results, cell, variant);
      const foreseen = found[0]?.foreseenBytesPerToken;
      if (foreseen == null) return [];
      const bytes = median(found.map(({ bytesPerToken }) => bytesPerToken));
      const speed = median(found.map(({ tokensPerSecond }) => tokensPerSecond));
      const off = `${((foreseen / bytes - 1) * 100).toFixed(0)} %`;
      const speeds = [found[0]?.foreseenTokensPerSecond ?? Number.NaN, speed].map(number);
      return [
        [
          `${cellName(cell)}, ${variant}`,
          ...[foreseen, bytes].map((n) => number(n / 2 ** 20)),
          off,
          ...speeds,
        ],
      ];
    }),
  );
  const head = ['cell', 'foreseen MiB', 'read MiB', 'off by', 'foreseen tokens/s', 'measured'];
  return markdown([head, ...rows]);
}

function of(results: readonly Measurement[], cell: Cell, variant?: Variant): Measurement[] {
  return results.filter(
    (one) => cellName(one) === cellName(cell) && (variant === undefined || one.variant === variant),
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function number(value: number): string {
  return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
}

function markdown([head = [], ...rows]: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}

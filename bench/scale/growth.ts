/** How something grows with a size: y goes as size to this power, by least squares over the logarithms. NaN for fewer than two sizes. */
export function exponent(points: readonly { size: number; value: number }[]): number {
  const logs = points.map(({ size, value }) => ({ x: Math.log(size), y: Math.log(value) }));
  const mean = (of: (point: { x: number; y: number }) => number) =>
    logs.reduce((sum, point) => sum + of(point), 0) / logs.length;
  const [x0, y0] = [mean(({ x }) => x), mean(({ y }) => y)];
  const both = logs.reduce((sum, { x, y }) => sum + (x - x0) * (y - y0), 0);
  const own = logs.reduce((sum, { x }) => sum + (x - x0) ** 2, 0);
  return logs.length < 2 ? Number.NaN : both / own;
}

/** Of the largest sizes alone: at small ones the start of a program is most of it. */
export function lateExponent(points: readonly { size: number; value: number }[], sizes = 3): number {
  return exponent(points.toSorted((a, b) => a.size - b.size).slice(-sizes));
}

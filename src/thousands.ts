/** A whole number with its thousands separated: `1,234,567`. By hand, since Intl takes longer to load than most commands run. */
export function thousands(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

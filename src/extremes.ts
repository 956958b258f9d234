// The greatest or smallest of any number of values, and a list that takes any number more: handed over as arguments, as by
// `push` with three dots, a hundred thousand of them overflow the stack.

/** -Infinity for none. */
export function greatest(values: Iterable<number>): number {
  let found = Number.NEGATIVE_INFINITY;
  for (const value of values) found = Math.max(found, value);
  return found;
}

/** Infinity for none. */
export function smallest(values: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY;
  for (const value of values) found = Math.min(found, value);
  return found;
}

/** Adds values, which may come from the list itself, to its end. */
export function append<T>(list: T[], values: readonly T[]): void {
  for (let i = 0, count = values.length; i < count; i++) list.push(values[i] as T);
}

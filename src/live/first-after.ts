/** The first of an ordered list whose end lies after `value`. */
export function firstAfter<Item>(
  list: readonly Item[],
  value: number,
  endOf: (item: Item) => number,
): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endOf(list[middle] as Item) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

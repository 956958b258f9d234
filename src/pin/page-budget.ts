/**
 * A budget in whole pages: the kernel holds no part of one. What ends in a page that is held already takes no other, so
 * that neighbours share the page between them.
 */
export class PageBudget {
  #left: number;
  /** Pages in which a held range begins or ends; only these can be shared. */
  readonly #edges = new Set<string>();

  constructor(
    bytes: number,
    private readonly pageBytes: number,
  ) {
    this.#left = Math.floor(bytes / pageBytes);
  }

  get spent(): boolean {
    return this.#left <= 0;
  }

  /** How many bytes of a range, from its start on, still fit; they are taken. Ranges of a part do not overlap. */
  take(part: number, offset: number, bytes: number): number {
    const first = Math.floor(offset / this.pageBytes);
    const last = Math.floor((offset + bytes - 1) / this.pageBytes);
    const isHeld = (page: number) => this.#edges.has(`${part}.${page}`);
    const shared = Number(isHeld(first)) + Number(last !== first && isHeld(last));
    const pages = last - first + 1 - shared;
    const fitting = pages <= this.#left ? bytes : this.#partOf(offset, first + Number(isHeld(first)));
    if (fitting <= 0) return 0;
    this.#left -= Math.min(pages, this.#left);
    this.#edges.add(`${part}.${first}`).add(`${part}.${Math.floor((offset + fitting - 1) / this.pageBytes)}`);
    return fitting;
  }

  /** From `offset` to the end of the pages that are left, the first of which is `page`. */
  #partOf(offset: number, page: number): number {
    return (page + this.#left) * this.pageBytes - offset;
  }
}

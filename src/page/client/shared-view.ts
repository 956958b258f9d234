import type { View } from '../../plot/figure.js';

/** The span of time that figures over time show together. */
export class SharedView {
  readonly #listeners: (() => void)[] = [];
  #view: View;

  constructor(readonly whole: View) {
    this.#view = whole;
  }

  get view(): View {
    return this.#view;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Kept within the whole, and not narrower than a millionth of it. */
  show({ from, to }: View): void {
    const length = this.whole.to - this.whole.from;
    const width = Math.min(Math.max(to - from, length * 1e-6), length);
    const start = Math.min(Math.max(from, this.whole.from), this.whole.to - width);
    this.#view = { from: start, to: start + width };
    for (const listener of this.#listeners) listener();
  }

  zoom(factor: number, around: number): void {
    const { from, to } = this.#view;
    this.show({ from: around - (around - from) * factor, to: around + (to - around) * factor });
  }

  pan(by: number): void {
    const { from, to } = this.#view;
    this.show({ from: from + by, to: to + by });
  }
}

import type { Style } from './style.js';

/** Lines in perf stat's manner: the figure to the right, what it is, and after a # how it was taken. */
export class Page {
  readonly #lines: string[] = [];

  constructor(
    readonly style: Style,
    readonly columns: number,
    /** Counts of an incomplete trace are lower bounds, and marked so. */
    readonly lowerBounds: boolean,
  ) {}

  line(text = ''): void {
    this.#lines.push(text);
  }

  section(title: string, note = ''): void {
    this.line();
    this.line(` ${this.style.bold(title)}${note ? this.style.dim(`  # ${note}`) : ''}`);
  }

  figure(value: string, label: string, note = ''): void {
    const text = `${value.padStart(16)}  ${note ? label.padEnd(30) : label}`;
    this.line(note ? `${text} ${this.style.dim(`# ${note}`)}` : text);
  }

  /** A figure counted from the trace. */
  traced(value: string, label: string, note = ''): void {
    this.figure(this.lowerBounds ? `>= ${value}` : value, label, note);
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

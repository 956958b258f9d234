import { fit, widthOf, wrapped } from './fit.js';
import type { Style } from './style.js';

/** Where the labels of figures begin. */
const labelColumn = 18;
/** The width of a label that has a note. */
const labelWidth = 26;

/** Lines of a report: the figure to the right, what it is, and how it was taken. None is longer than `columns`. */
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

  /** Sentences, broken between words. */
  text(sentences: string, indent = 1): void {
    for (const line of wrapped(sentences, this.columns - indent)) this.line(' '.repeat(indent) + line);
  }

  section(title: string, note = ''): void {
    this.line();
    const room = this.columns - widthOf(title) - 3;
    if (widthOf(note) <= room)
      this.line(` ${this.style.bold(title)}${note ? this.style.dim(`  ${note}`) : ''}`);
    else {
      this.line(` ${this.style.bold(title)}`);
      for (const part of wrapped(note, this.columns - 2)) this.line(`  ${this.style.dim(part)}`);
    }
  }

  figure(value: string, label: string, note = ''): void {
    const start = `${value.padStart(labelColumn - 2)}  ${note ? label.padEnd(labelWidth) : label}`;
    if (!note) {
      this.line(start);
      return;
    }
    const [first = '', ...rest] = wrapped(note, this.columns - labelColumn - labelWidth - 2);
    if (widthOf(start) + 2 + widthOf(first) <= this.columns) {
      this.line(`${start}  ${this.style.dim(first)}`);
    } else {
      this.line(start.trimEnd());
      rest.unshift(first);
    }
    for (const part of rest) this.line(' '.repeat(labelColumn + labelWidth + 2) + this.style.dim(part));
  }

  /** A figure counted from the trace. */
  traced(value: string, label: string, note = ''): void {
    this.figure(this.lowerBounds ? `>= ${value}` : value, label, note);
  }

  /** Sentences below a figure. */
  remark(sentences: string): void {
    this.text(sentences, labelColumn);
  }

  toString(): string {
    return fit(`${this.#lines.join('\n')}\n`, this.columns);
  }
}

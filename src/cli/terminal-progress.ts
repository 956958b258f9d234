import type { Progress } from '../machine/progress.js';
import { printable } from '../report/printable.js';

/** Steps and warnings as lines on stderr; on a terminal the progress of a step overwrites itself below them. */
export class TerminalProgress implements Progress {
  #open = false;

  constructor(private readonly stream: NodeJS.WriteStream = process.stderr) {}

  step(name: string): void {
    this.#line(`blkscope: ${name}`);
  }

  update(text: string): void {
    if (!this.stream.isTTY) return;
    this.stream.write(`\r\x1b[K  ${printable(text).slice(0, (this.stream.columns ?? 80) - 3)}`);
    this.#open = true;
  }

  warn(text: string): void {
    this.#line(`blkscope: warning: ${text}`);
  }

  /** Wipes the progress line, so that results begin on a clean one. */
  end(): void {
    if (this.#open) this.stream.write('\r\x1b[K');
    this.#open = false;
  }

  #line(text: string): void {
    this.end();
    this.stream.write(`${printable(text)}\n`);
  }
}

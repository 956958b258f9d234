import type { Progress } from '../machine/progress.js';
import { printable } from '../report/printable.js';

/** How much of what goes on is printed. */
export type Detail = 'quiet' | 'usual' | 'verbose';

let detail: Detail = 'usual';

/** As -q and -v say. */
export function chooseDetail(choice: Detail): void {
  detail = choice;
}

export const isVerbose = (): boolean => detail === 'verbose';

/** Steps and warnings as lines on stderr; on a terminal the progress of a step overwrites itself below them. */
export class TerminalProgress implements Progress {
  readonly #began = process.uptime(); // seconds; performance.now() takes long to load
  #open = false;

  /** Default: stderr, which is made when something is printed. */
  constructor(private readonly given?: NodeJS.WriteStream) {}

  private get stream(): NodeJS.WriteStream {
    return this.given ?? process.stderr;
  }

  step(name: string): void {
    const at = `+${(process.uptime() - this.#began).toFixed(3)} s `;
    this.#line(`blkscope: ${isVerbose() ? at : ''}${name}`);
  }

  update(text: string): void {
    if (!this.stream.isTTY || detail === 'quiet') return;
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
    if (detail === 'quiet') return;
    this.end();
    this.stream.write(`${printable(text)}\n`);
  }
}

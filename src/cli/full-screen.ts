import terminalKit from 'terminal-kit';
import type { Line } from '../live/picture.js';
import { printable } from '../report/printable.js';
import { requireTerminal } from './screen.js';
import { liftGuard } from './terminal-edge.js';

const looks = {
  bold: { bold: true },
  dim: { dim: true },
  warn: { color: 'yellow' },
  accent: { color: 'cyan' },
} as const;

export interface FullScreenEvents {
  /** `q` was pressed. */
  quit(): void;
  /** Ctrl-C was pressed. */
  interrupt(): void;
  /** The terminal has another size: draw again. */
  resize(): void;
}

/** The whole terminal, on its other page: what stood there is there again after `end()`, however the program ends. */
export class FullScreen {
  // First of all: the library takes stdout's write as it finds it.
  readonly #guardAgain = liftGuard(process.stdout);
  readonly #terminal = terminalKit.terminal;
  #buffer: terminalKit.ScreenBuffer;
  #open = true;
  readonly #restore = () => this.end();

  /** Throws BlkscopeError NO_TERMINAL. */
  constructor(events: FullScreenEvents) {
    requireTerminal('a live view');
    this.#terminal.fullscreen(true);
    this.#terminal.hideCursor(true);
    this.#terminal.grabInput(true);
    this.#buffer = this.#newBuffer();
    this.#terminal.on('key', (name: string) => {
      if (name === 'q' || name === 'Q') events.quit();
      else if (name === 'CTRL_C') events.interrupt();
    });
    this.#terminal.on('resize', () => {
      if (!this.#open) return;
      this.#terminal.clear();
      this.#buffer = this.#newBuffer();
      events.resize();
    });
    process.once('exit', this.#restore);
  }

  get columns(): number {
    return sizeOr(this.#terminal.width, 80);
  }

  get rows(): number {
    return sizeOr(this.#terminal.height, 24);
  }

  draw(lines: readonly Line[]): void {
    if (!this.#open) return;
    this.#buffer.fill({ char: ' ', attr: {} });
    lines.slice(0, this.rows).forEach(({ text, look }, y) => {
      this.#buffer.put(
        { x: 0, y, attr: look ? looks[look] : {}, wrap: false, dx: 1, dy: 0 },
        '%s',
        printable(text),
      );
    });
    this.#buffer.draw({ delta: true });
  }

  /** Idempotent. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    process.off('exit', this.#restore);
    this.#terminal.grabInput(false);
    this.#terminal.removeAllListeners('key');
    this.#terminal.removeAllListeners('resize');
    this.#terminal.styleReset();
    this.#terminal.hideCursor(false);
    this.#terminal.fullscreen(false);
    this.#guardAgain();
    // The library resets colours and cursor once more when the process ends, after all text of others.
    const lift = () => void liftGuard(process.stdout);
    process.prependOnceListener('beforeExit', lift).prependOnceListener('exit', lift);
    process.stdin.pause();
    process.stdin.unref();
  }

  #newBuffer(): terminalKit.ScreenBuffer {
    return new terminalKit.ScreenBuffer({
      dst: this.#terminal,
      width: this.columns,
      height: this.rows,
    });
  }
}

/** A terminal may not tell its size, as one behind a pipe of another program. */
const sizeOr = (told: number, usual: number) => (told > 0 ? told : usual);

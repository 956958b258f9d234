import { fstatSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { OutputPipe } from '../process/output-pipe.js';
import { printable } from '../report/printable.js';

/** Whether who opens /dev/stdout by its name, as the database does, writes what may be written there: not to a terminal or a socket. */
export function opensByName(stdout: NodeJS.WriteStream): boolean {
  return !stdout.isTTY && !fstatSync(1).isSocket();
}

/** A pipe to stdout for who writes to a file's name; a terminal gets lines without control characters, all else every byte. */
export class StdoutPipe implements Disposable {
  readonly #pipe = new OutputPipe();
  readonly #passedOn: Promise<void>;
  #open = true;

  constructor(stdout: NodeJS.WriteStream) {
    const { reader } = this.#pipe;
    if (stdout.isTTY)
      createInterface({ input: reader }).on('line', (line) => stdout.write(`${printable(line)}\n`));
    else reader.pipe(stdout, { end: false });
    this.#passedOn = new Promise((resolve) => reader.once('close', resolve));
  }

  /** What is written there is passed on. */
  get path(): string {
    return `/proc/self/fd/${this.#pipe.writer}`;
  }

  /** Resolves when all is passed on. */
  async end(): Promise<void> {
    this[Symbol.dispose]();
    await this.#passedOn;
  }

  [Symbol.dispose](): void {
    if (this.#open) this.#pipe.closeWriter();
    this.#open = false;
  }
}

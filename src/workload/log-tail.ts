import { closeSync, constants, type FSWatcher, fstatSync, openSync, readSync, watch } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/** Where the file system does not tell that a file has grown, it is looked at so often. */
const lookEveryMs = 200;

/** More than this at one look is passed over but for its end: a log is a few lines at a time. */
const mostBytes = 4 * 2 ** 20;

/** Follows a file that another process writes, from its end or its beginning, and hands on each line when it is there. */
export class LogTail {
  readonly #descriptor: number;
  readonly #timer: NodeJS.Timeout;
  readonly #decoder = new StringDecoder();
  #watcher: FSWatcher | null = null;
  #at: number;
  #rest = '';

  /**
   * Lines end with a line feed, or with a carriage return as counters do. `time`: when the line was seen, within a few ms.
   *
   * Throws the system's error, or one with the code ENOTSUP for what is no regular file.
   */
  constructor(
    path: string,
    from: 'start' | 'end',
    private readonly onLine: (line: string, time: bigint) => void,
  ) {
    // A pipe must not be opened for good, nor anything be taken out of it.
    this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const status = fstatSync(this.#descriptor);
    if (!status.isFile()) {
      closeSync(this.#descriptor);
      throw Object.assign(new Error(`${path} is no regular file`), { code: 'ENOTSUP' });
    }
    this.#at = from === 'start' ? 0 : status.size;
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref();
    try {
      this.#watcher = watch(path, { persistent: false }, () => this.look()).on('error', () => {});
    } catch {
      // no inotify to be had: the timer is enough
    }
  }

  /** Reads what has come since. */
  look(): void {
    const time = process.hrtime.bigint();
    const { size } = fstatSync(this.#descriptor);
    if (size < this.#at) this.#at = size; // cut short by who rotates it
    if (size - this.#at > mostBytes) {
      this.#at = size - mostBytes;
      this.#rest = '';
    }
    const buffer = Buffer.alloc(size - this.#at);
    const length = readSync(this.#descriptor, buffer, 0, buffer.length, this.#at);
    if (length === 0) return;
    this.#at += length;
    const lines = (this.#rest + this.#decoder.write(buffer.subarray(0, length))).split(/[\r\n]/);
    this.#rest = (lines.pop() as string).slice(-mostBytes);
    for (const line of lines) if (line !== '') this.onLine(line, time);
  }

  /** Reads what is left and lets go of the file. */
  close(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
    try {
      this.look();
      if (this.#rest !== '') this.onLine(this.#rest, process.hrtime.bigint());
    } catch {
      // a file system that is gone has no more lines
    }
    closeSync(this.#descriptor);
  }
}

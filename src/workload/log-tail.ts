import { closeSync, type FSWatcher, fstatSync, readSync, watch } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { BlkscopeError } from '../errors.js';
import { actAs, type Identity } from '../files/identity.js';
import { openToRead } from '../files/read.js';

/** Where the file system does not tell that a file has grown, it is looked at so often. */
const lookEveryMs = 200;

/** More than this at one look is passed over but for its end: a log is a few lines at a time. */
const mostBytes = 4 * 2 ** 20;

/** Cuts a text that comes in pieces into lines. They end with a line feed, or with a carriage return as counters do. */
export class Lines {
  readonly #decoder = new StringDecoder();
  #rest = '';

  /** `time`: when the line was seen. Of a line that is longer than `most` characters the end alone is handed on. */
  constructor(
    private readonly onLine: (line: string, time: bigint) => void,
    private readonly most = mostBytes,
  ) {}

  add(bytes: Buffer, time: bigint): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split(/[\r\n]/);
    this.#rest = (lines.pop() as string).slice(-this.most);
    for (const line of lines) if (line !== '') this.onLine(line, time);
  }

  /** What follows is no part of what came before. */
  forget(): void {
    this.#rest = '';
  }

  end(time: bigint): void {
    if (this.#rest !== '') this.onLine(this.#rest, time);
    this.#rest = '';
  }
}

/** Follows a file that another process writes, from its end or its beginning, and hands on each line when it is there. */
export class LogTail {
  readonly #descriptor: number;
  readonly #timer: NodeJS.Timeout;
  readonly #lines: Lines;
  #watcher: FSWatcher | null = null;
  #at: number;

  /**
   * `time`: when the line was seen, within a few ms. `identity`: whose rights count.
   *
   * Throws the system's error, or one with the code ENOTSUP for what is no regular file.
   */
  constructor(
    path: string,
    from: 'start' | 'end',
    onLine: (line: string, time: bigint) => void,
    identity: Identity = null,
  ) {
    this.#lines = new Lines(onLine);
    // A pipe must not be opened for good, nor anything be taken out of it.
    this.#descriptor = openLog(path, identity);
    const status = fstatSync(this.#descriptor);
    this.#at = from === 'start' ? 0 : status.size;
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref();
    try {
      const watched = () => watch(path, { persistent: false }, () => this.look());
      this.#watcher = actAs(identity, watched).on('error', () => {});
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
      this.#lines.forget();
    }
    const buffer = Buffer.alloc(size - this.#at);
    const length = readSync(this.#descriptor, buffer, 0, buffer.length, this.#at);
    if (length === 0) return;
    this.#at += length;
    this.#lines.add(buffer.subarray(0, length), time);
  }

  /** Reads what is left and lets go of the file. */
  close(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
    try {
      this.look();
      this.#lines.end(process.hrtime.bigint());
    } catch {
      // a file system that is gone has no more lines
    }
    closeSync(this.#descriptor);
  }
}

function openLog(path: string, identity: Identity): number {
  try {
    return openToRead(path, { identity });
  } catch (error) {
    if (!(error instanceof BlkscopeError)) throw error;
    throw Object.assign(new Error(`${path} is no regular file`), { code: 'ENOTSUP' });
  }
}

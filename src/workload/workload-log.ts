import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';

/** How much of the end of each stream is kept to be read again: timings and errors are printed last. */
const keptCharacters = 2 ** 20;

/**
 * workload.log: the command line, then all that the workload prints. A workload either writes to it itself,
 * through `fd`, or has its output passed on by `append`.
 */
export class WorkloadLog {
  readonly fd: number;
  readonly #start: number;
  #stdout = '';
  #stderr = '';

  /** Throws BlkscopeError when the file cannot be written. */
  constructor(path: string, argv: readonly string[]) {
    try {
      this.fd = openSync(path, 'a+');
    } catch (error) {
      const { code = 'EIO' } = error as NodeJS.ErrnoException;
      throw new BlkscopeError(code, `${path}: the workload's log cannot be written: ${code}`, 'usage', {
        cause: error,
      });
    }
    this.#start = fstatSync(this.fd).size;
    this.#write(`$ ${argv.map(shellQuoted).join(' ')}\n`);
  }

  append(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this.#write(chunk);
    const text = chunk.toString();
    if (stream === 'stdout') this.#stdout = (this.#stdout + text).slice(-keptCharacters);
    else this.#stderr = (this.#stderr + text).slice(-keptCharacters);
  }

  /** A full disk costs the log, not the measurement. */
  #write(chunk: string | Buffer): void {
    try {
      writeSync(this.fd, typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    } catch {}
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The end of what this workload has written: both streams in the order in which they were. */
  tail(): string {
    const { size } = fstatSync(this.fd);
    const buffer = Buffer.alloc(Math.min(size - this.#start, keptCharacters));
    const length = readSync(this.fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8', 0, length);
  }

  close(): void {
    closeSync(this.fd);
  }
}

function shellQuoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Lines that only say what another library was tried or that a later step failed too. */
const noise = /failed to enumerate|backtrace|graphs reused/i;
const complaint =
  /\b(error|failed|fatal|cannot|can't|unable|invalid|denied|no such|not found|abort|assert|out of memory|too (long|large))\b/i;

/** A time and a level before a line of llama.cpp's. */
const stamp = /^[\d.]{5,} ([A-Z]) /;

/**
 * The line of a log that best says why a workload failed: the first complaint, since what follows it is
 * mostly its consequence; without one the last line, unless a signal ended it in mid-sentence or it only tells
 * how things go (llama.cpp may exit before its logging thread has written the error). Times and levels before
 * it are left out.
 */
export function errorLineOf(log: string, signal: string | null): string | null {
  const lines = log
    .split('\n')
    .slice(1) // the command line
    .map((line) => line.slice(line.lastIndexOf('\b') + 1)) // after a spinner's last turn
    .map((line) => ({ level: stamp.exec(line)?.[1], text: line.replace(stamp, '').trim() }))
    .filter(({ text }) => text !== '' && !noise.test(text));
  const last = lines.at(-1);
  const fallback = signal || last?.level === 'I' ? undefined : last;
  const line = lines.find(({ text }) => complaint.test(text)) ?? fallback;
  return line?.text.slice(0, 300) ?? null;
}

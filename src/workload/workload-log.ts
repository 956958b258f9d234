import { closeSync, writeSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { openToAppend } from '../files/write.js';
import type { OutputSink } from './engine.js';

/** How much of the end of each stream is kept to be read again: timings and errors are printed last. */
const keptCharacters = 2 ** 20;

/** What a log may take of the disk. */
const mostBytes = 64 * 2 ** 20;

/**
 * workload.log: the command line, then what the workload prints, up to a limit: `append` gets it, so that the workload itself
 * cannot change what it has printed, nor fill the disk with it. A sink may take it instead. Its end is kept in memory.
 */
export class WorkloadLog {
  readonly #fd: number;
  readonly #most: number;
  #written = 0;
  /** Bytes that the log has no room for. */
  leftOutBytes = 0;
  readonly #stdout = new RollingText();
  readonly #stderr = new RollingText();
  readonly #both = new RollingText();

  readonly #sink: OutputSink;

  /** Throws BlkscopeError when the file cannot be written. */
  constructor(
    path: string,
    argv: readonly string[],
    { most = mostBytes, sink = 'log' }: { most?: number; sink?: OutputSink | undefined } = {},
  ) {
    this.#sink = sink;
    try {
      this.#fd = openToAppend(path);
    } catch (error) {
      const { code = 'EIO' } = error as NodeJS.ErrnoException;
      throw new BlkscopeError(code, `${path}: the workload's log cannot be written: ${code}`, 'usage', {
        cause: error,
      });
    }
    this.#most = most;
    const commandLine = `$ ${argv.map(shellQuoted).join(' ')}\n`;
    this.#both.add(commandLine);
    this.#write(Buffer.from(commandLine));
  }

  append(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    if (this.#sink === 'log') this.#keep(chunk);
    else if (this.#sink !== 'none') this.#sink(stream, chunk);
    const text = chunk.toString();
    this.#both.add(text);
    (stream === 'stdout' ? this.#stdout : this.#stderr).add(text);
  }

  #keep(chunk: Buffer): void {
    const room = Math.max(0, this.#most - this.#written);
    this.#write(chunk.subarray(0, room));
    this.leftOutBytes += Math.max(0, chunk.length - room);
  }

  /** A full disk costs the log, not the measurement. */
  #write(bytes: Buffer): void {
    this.#written += bytes.length;
    try {
      writeSync(this.#fd, bytes);
    } catch {}
  }

  get stdout(): string {
    return this.#stdout.text;
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  /** The end of what this workload has written: both streams in the order in which they were. */
  tail(): string {
    return this.#both.text;
  }

  close(): void {
    if (this.leftOutBytes > 0)
      this.#write(
        Buffer.from(`\n[blkscope: the log is full, ${this.leftOutBytes} more bytes were left out]\n`),
      );
    closeSync(this.#fd);
  }
}

/** The end of a text that goes on and on. */
class RollingText {
  #text = '';

  add(more: string): void {
    this.#text += more;
    // Cut now and then alone: to cut is to copy.
    if (this.#text.length > 2 * keptCharacters) this.#text = this.text;
  }

  get text(): string {
    return this.#text.slice(-keptCharacters);
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

import type { Readable } from 'node:stream';

/** Takes exact numbers of bytes from a stream, however its chunks fall. One caller at a time. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Settles never when the stream ends before: whoever waits must watch for the end of its writer. */
  async take(bytes: number): Promise<Buffer> {
    const parts = [this.#rest];
    for (let have = this.#rest.length; have < bytes; have += parts.at(-1)?.length ?? 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return new Promise(() => {});
      parts.push(value);
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts);
    this.#rest = all.subarray(bytes);
    return all.subarray(0, bytes);
  }

  /** Up to the next newline, which is taken too and left out. */
  async takeLine(): Promise<string> {
    let line = '';
    for (;;) {
      const character = (await this.take(1)).toString('latin1');
      if (character === '\n') return line;
      line += character;
    }
  }
}

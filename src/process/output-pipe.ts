import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { native } from '../native/binding.js';

/**
 * A pipe from a child to us. One of packets keeps each write() of its writer apart: one write, one 'data' event.
 *
 * llama.cpp writes each token as it has it. In an ordinary pipe two tokens that come while blkscope is busy
 * run into one; in packet mode (O_DIRECT on a pipe, see pipe(2)) they stay two, and none is missed in the
 * count.
 */
export class OutputPipe {
  /** To be given to the child; closed here by `closeWriter`. */
  readonly writer: number;
  readonly reader: Readable;

  constructor({ packets = false } = {}) {
    const [reader, writer] = native.openPipe(packets);
    this.writer = writer;
    this.reader = new Socket({ fd: reader, readable: true, writable: false });
  }

  closeWriter(): void {
    closeSync(this.writer);
  }

  /** For a child that was not started. */
  discard(): void {
    this.reader.destroy();
    this.closeWriter();
  }
}

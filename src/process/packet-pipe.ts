import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/**
 * A pipe that keeps each write() of its writer apart: one write, one 'data' event.
 *
 * llama.cpp writes each token as it has it. In an ordinary pipe two tokens that come while blkscope is busy
 * run into one; in packet mode (O_DIRECT on a pipe, see pipe(2)) they stay two, and none is missed in the
 * count. Node can make no such pipe: a FIFO, unlinked at once, gives both ends, and `packetModeCommand`
 * switches the mode on in the child.
 */
export class PacketPipe {
  /** To be given to the child; closed here by `closeWriter`. */
  readonly writer: number;
  readonly reader: Readable;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'blkscope-pipe-'));
    const path = join(folder, 'pipe');
    try {
      // Any user may open it again (by /dev/stdout): the workload may run as another one.
      execFileSync('mkfifo', ['-m', '666', path]);
      const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      this.writer = openSync(path, constants.O_WRONLY);
      this.reader = new Socket({ fd: reader, readable: true, writable: false });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  closeWriter(): void {
    closeSync(this.writer);
  }
}

/**
 * Shell command that sets O_DIRECT on its standard output: dd does so for oflag=direct before it copies,
 * here, nothing. The flag belongs to the open pipe and so outlives dd. Where it cannot be set the pipe stays
 * an ordinary one.
 */
export const packetModeCommand = 'dd count=0 oflag=direct status=none </dev/null 2>/dev/null || :';

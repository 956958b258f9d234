import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { native } from '../native/binding.js';

/** Of what a workload is started by while that is still root. */
export const rootsEnvironment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

/** Names that a shell can set; some shells have a few of their own, which nothing may set. */
const settable = /^(?!(?:UID|EUID|PPID|SHELLOPTS|BASHOPTS|BASH_VERSINFO)$)[A-Za-z_]\w*$/;

/** The environment of a child that must not have it before it has given up its rights: a text in a pipe, which it reads then. */
export class HandedEnvironment {
  /** To be given to the child. */
  readonly reader: number;
  readonly #writer: number;

  constructor(private readonly environment: Record<string, string>) {
    [this.reader, this.#writer] = native.openPipe();
  }

  /** Once the child has been made. */
  send(): void {
    closeSync(this.reader);
    const lines = Object.entries(this.environment)
      .filter(([name]) => settable.test(name))
      .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`);
    // One that ended before it has read it is told of elsewhere.
    new Socket({ fd: this.#writer, readable: false, writable: true })
      .on('error', () => {})
      .end(lines.join(''));
  }
}

/** What is put before a command line so that it is run with the environment that waits at this descriptor. */
export function takeEnvironment(descriptor: number): string[] {
  const script = `. /proc/self/fd/${descriptor} && exec ${descriptor}<&- && exec "$@"`;
  return ['/bin/sh', '-c', script, 'sh'];
}

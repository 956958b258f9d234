// A Linux machine of a chosen kernel for tests, in QEMU: the place to test relay, which lockdown refuses on many hosts.
//
//   await using guest = await bootGuest({ kernel: '7.3', disks: [{ sizeMiB: 64 }] });
//   const { exitCode, stdout, stderr } = await guest.run('node /blkscope/dist/cli/main.js doctor /dev/vda');
//
// The guest is root's alone: an initramfs (initramfs.ts) with node, blkscope at /blkscope, blktrace, fio and the like;
// debugfs, tracefs and cgroup v2 are mounted, /tmp and /run are tmpfs, and no disk is there but the ones asked for
// (/dev/vda and on). Scripts are run by busybox's sh, one at a time, through a virtio-serial port that is QEMU's own
// stdin and stdout; init.sh answers at the other end.
//
// Nothing outlives its test: the kernel kills QEMU when the test's process ends, however it ends; disks and the console
// log are files without a name; a script that takes too long takes its guest with it. An idle guest does not keep the
// test's process alive either.
//
// Processors are emulated (TCG), several times slower than the host's: a boot takes 2 to 4 s, `node -v` about a second.
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlkscopeError } from '../../src/errors.js';
import { buildInitramfs, buildUsrImage } from './guest-image.js';
import { type Disk, type Qemu, startQemu } from './qemu.js';

const KERNELS = fileURLToPath(new URL('../../vendor/kernels/', import.meta.url));
const BOOT_TIMEOUT_MS = 90_000;
const RUN_TIMEOUT_MS = 60_000;
/** What init.sh may need beyond a script's own time to take a request and send the answer. */
const TRANSFER_TIMEOUT_MS = 30_000;

export interface GuestOptions {
  /** 6.1 and 6.12 give version 1 records, 7.3 version 2 (BLKTRACESETUP2). */
  kernel: '6.1' | '6.12' | '7.3';
  /** Virtual processors; 2 when left out. */
  cpus?: number;
  /** 1024 when left out; the root file system takes about 220 of them. */
  memoryMiB?: number;
  /** Processors that are possible, as where some may be plugged in later; as many as there are when left out. */
  possibleCpus?: number;
  /** QEMU's devices that disks are attached to, such as 'nvme-subsys,id=shared'. */
  devices?: string[];
  /** Virtio's, /dev/vda and on, where they name no other device. */
  disks?: Disk[];
  /** Loaded at boot, each with its parameters: 'null_blk nr_devices=1 queue_mode=2'. */
  modules?: string[];
  /**
   * The guest's time goes by the instructions that it carries out, a nanosecond each: what is measured there is the same each
   * time, whatever else this machine does. Processors take turns then, and one is enough.
   */
  counted?: boolean;
  /** More words for the kernel's command line. */
  append?: string;
}

export interface RunOptions {
  /** 60,000 when left out. */
  timeoutMs?: number;
  /** The script's standard input; empty when left out. */
  input?: Uint8Array;
}

export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * Boots a guest and waits until it takes scripts.
 *
 * @throws BlkscopeError when QEMU, the kernel (scripts/get-guest-kernels.mjs) or a program for the guest is missing,
 *   a module cannot be loaded, or the guest does not come up; the last with the end of its console log
 */
export async function bootGuest(options: GuestOptions): Promise<Guest> {
  const { cpus = 2, possibleCpus = cpus, memoryMiB = 1024 } = options;
  const { devices = [], disks = [], modules = [], counted = false, append = '' } = options;
  const kernelDir = join(KERNELS, options.kernel);
  if (!existsSync(kernelDir)) {
    throw new BlkscopeError(
      'ENOENT',
      `no ${kernelDir}: run node scripts/get-guest-kernels.mjs`,
      'unsupported',
    );
  }
  const kernel = join(kernelDir, 'vmlinux');
  const begun = performance.now();
  const [initramfs, usr] = [buildInitramfs(kernelDir), buildUsrImage()];
  const started = performance.now();
  const guest = new Guest(
    startQemu({ kernel, initramfs, usr, cpus, possibleCpus, memoryMiB, devices, disks, counted, append }),
  );
  await guest.waitUntilUp();
  for (const module of modules) await guest.output(`modprobe ${module}`);
  const seconds = [started - begun, performance.now() - started].map((ms) => (ms / 1000).toFixed(1));
  console.log(`guest ${guest.release}: image ${seconds[0]} s, boot ${seconds[1]} s`);
  return guest;
}

/** A running guest; `bootGuest` makes it. Disposing of it powers it off. */
export class Guest implements AsyncDisposable {
  /** `uname -r` of the guest. */
  release = '';
  readonly #qemu: Qemu;
  readonly #gone: Promise<never>;
  #turn: Promise<unknown> = Promise.resolve();
  #killedBecause = '';
  #disposed = false;

  constructor(qemu: Qemu) {
    this.#qemu = qemu;
    this.#gone = once(qemu.process, 'exit').then(() => {
      throw new BlkscopeError(
        'GUEST_GONE',
        `the guest is gone: ${this.#killedBecause || 'it ended'}\n${this.consoleTail()}`,
        'internal',
      );
    });
    this.#gone.catch(() => {}); // nobody may be waiting when it ends
  }

  /** Runs a shell script as root, after those that were asked for before it. */
  async run(script: string, options: RunOptions = {}): Promise<RunResult> {
    const { exitCode, stdout, stderr } = await this.#inTurn(() => this.#request(script, options));
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** Like run, for a script that must succeed. Its standard output; throws what it wrote to stderr otherwise. */
  async output(script: string, options: RunOptions = {}): Promise<string> {
    return (await this.#succeed(script, options)).toString();
  }

  /** A file of the guest, whole. */
  async readFile(path: string): Promise<Buffer> {
    return await this.#succeed(`cat ${quote(path)}`, {});
  }

  /** Makes or replaces a file of the guest. */
  async writeFile(path: string, data: Uint8Array | string): Promise<void> {
    await this.#succeed(`cat > ${quote(path)}`, { input: Buffer.from(data) });
  }

  /** The last lines that the guest's kernel and QEMU wrote: what to look at when a guest fails. */
  consoleTail(lines = 30): string {
    const log = Buffer.alloc(fstatSync(this.#qemu.consoleLog).size);
    readSync(this.#qemu.consoleLog, log, 0, log.length, 0);
    return log.toString().trimEnd().split('\n').slice(-lines).join('\n');
  }

  async waitUntilUp(): Promise<void> {
    const [ready, release = ''] = (
      await this.#within(BOOT_TIMEOUT_MS, 'boot', this.#qemu.fromAgent.takeLine())
    ).split(' ');
    if (ready !== 'ready')
      throw new BlkscopeError('GUEST_GONE', `the guest said '${ready}', not ready`, 'internal');
    this.release = release;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#send('poweroff -f', Buffer.alloc(0), 10);
    const timer = setTimeout(() => this.#kill('it did not power off'), 5000);
    await this.#gone.catch(() => {});
    clearTimeout(timer);
    closeSync(this.#qemu.consoleLog);
  }

  async #succeed(script: string, options: RunOptions): Promise<Buffer> {
    const { exitCode, stdout, stderr } = await this.#inTurn(() => this.#request(script, options));
    if (exitCode === 0) return stdout;
    throw new BlkscopeError(
      'GUEST_SCRIPT',
      `guest: exit code ${exitCode} of '${script}': ${stderr}`,
      'internal',
    );
  }

  async #request(script: string, { timeoutMs = RUN_TIMEOUT_MS, input = Buffer.alloc(0) }: RunOptions) {
    const started = performance.now();
    this.#send(script, input, Math.ceil(timeoutMs / 1000));
    const answer = await this.#within(timeoutMs + TRANSFER_TIMEOUT_MS, `run '${script}'`, this.#readAnswer());
    const timedOut = answer.exitCode === 137 && performance.now() - started >= timeoutMs;
    if (!timedOut) return answer;
    // What the script had started may still be running: such a guest is of no more use.
    this.#kill(`'${script}' took over ${timeoutMs} ms`);
    throw new BlkscopeError(
      'GUEST_TIMEOUT',
      `guest: '${script}' took over ${timeoutMs} ms; it wrote: ${answer.stdout}${answer.stderr}`,
      'internal',
    );
  }

  #send(script: string, input: Uint8Array, seconds: number): void {
    const bytes = Buffer.from(`${script}\n`);
    this.#qemu.toAgent.write(`${bytes.length} ${input.length} ${seconds}\n`);
    this.#qemu.toAgent.write(bytes);
    if (input.length > 0) this.#qemu.toAgent.write(input);
  }

  async #readAnswer() {
    const [exitCode = 0, stdoutBytes = 0, stderrBytes = 0] = (await this.#qemu.fromAgent.takeLine())
      .split(' ')
      .map(Number);
    const stdout = await this.#qemu.fromAgent.take(stdoutBytes);
    const stderr = await this.#qemu.fromAgent.take(stderrBytes);
    return { exitCode, stdout, stderr };
  }

  async #within<T>(timeoutMs: number, what: string, answer: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#kill(`${what} took over ${timeoutMs} ms`), timeoutMs);
    try {
      return await Promise.race([answer, this.#gone]);
    } finally {
      clearTimeout(timer);
    }
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => {});
    return result;
  }

  #kill(reason: string): void {
    this.#killedBecause ||= reason;
    this.#qemu.process.kill('SIGKILL');
  }
}

function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

// The command line in a terminal of its own, as script(1) makes it, and what a user would see there.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import xterm from '@xterm/headless';
import { processTree } from '../../src/process/process-tree.js';
import { cliPath } from './command-line.js';

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

export class PseudoTerminal implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  readonly #folder = mkdtempSync(join(tmpdir(), 'blkscope-pty-'));
  readonly exited: Promise<number | null>;
  /** All that was written to it. */
  raw = '';

  /** Runs `blkscope ARGS` in a terminal of so many columns and rows. */
  constructor(args: readonly string[], columns = 100, rows = 36, cwd = process.cwd()) {
    this.#screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    const [tty, before, after] = ['tty', 'before', 'after'].map((name) => quoted(join(this.#folder, name)));
    const call = [process.execPath, cliPath, ...args].map(quoted).join(' ');
    const line = `stty cols ${columns} rows ${rows}; tty > ${tty}; stty -g > ${before}; ${call}; code=$?; stty -g > ${after}; exit $code`;
    this.#child = spawn('script', ['-qfec', line, '/dev/null'], {
      cwd,
      env: { ...process.env, TERM: 'xterm-256color' },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.raw += text;
      this.#screen.write(text);
    });
    this.exited = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** What stands on the screen. */
  get text(): string {
    const { active } = this.#screen.buffer;
    return Array.from({ length: this.#screen.rows }, (_, i) =>
      (active.getLine(active.baseY + i)?.translateToString(true) ?? '').trimEnd(),
    ).join('\n');
  }

  /** Whether a full-screen program has the screen. */
  get full(): boolean {
    return this.#screen.buffer.active.type === 'alternate';
  }

  press(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#screen.resize(columns, rows);
    execFileSync('stty', [
      '-F',
      readFileSync(join(this.#folder, 'tty'), 'utf8').trim(),
      'cols',
      `${columns}`,
      'rows',
      `${rows}`,
    ]);
  }

  /** Waits until the screen shows it. */
  async shows(pattern: RegExp, ms = 60_000): Promise<void> {
    const until = performance.now() + ms;
    while (!pattern.test(this.text)) {
      if (performance.now() > until) throw new Error(`the terminal never showed ${pattern}:\n${this.text}`);
      await sleep(50);
    }
  }

  /** The terminal goes away, as when its window is closed; what ran in it ends in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    const pid = this.#child.pid;
    if (this.#child.exitCode === null && pid !== undefined) {
      for (const member of processTree(pid)) kill(member, 'SIGHUP');
      const killed = setTimeout(() => {
        for (const member of processTree(pid)) kill(member, 'SIGKILL');
      }, 15_000);
      await this.exited;
      clearTimeout(killed);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * After the end: whether the terminal's settings are as before, the cursor shows, the usual page is back, and no sequence of ours
   * was shown as text.
   */
  restored(): boolean {
    const [before, after] = ['before', 'after'].map((name) => readFileSync(join(this.#folder, name), 'utf8'));
    const cursor = this.raw.lastIndexOf('\x1b[?25h') >= this.raw.lastIndexOf('\x1b[?25l');
    return before === after && cursor && !this.full && !this.raw.includes('\\x1b');
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
